/*
 * event: what the two forms of an event's line have in common.  The forms are
 * in event_text.c and event_json.c, where lines go is in sinks.c.
 */

#include "proxy/event.h"

#include "proxy/base/check.h"
#include "proxy/event_line.h"

size_t
event_most(enum field field)
{
	switch (field) {
	case FIELD_URL:
		return 1024;
	case FIELD_SENDER:
	case FIELD_SUBJECT:
	case FIELD_MESSAGE_ID:
	case FIELD_NAME:
		return 512;
	case FIELD_CLIENT_NAME:
	case FIELD_HELO:
	case FIELD_USER:
	case FIELD_HOST:
	case FIELD_SNI:
		return 256;
	case FIELD_RECIPIENT:
		return EVENT_RECIPIENT_MAX;
	case FIELD_PROTOCOL:
	case FIELD_LISTENER:
	case FIELD_DIRECTION:
	case FIELD_FLOW:
	case FIELD_CLIENT:
	case FIELD_QUEUE_ID:
	case FIELD_TLS_VERSION:
	case FIELD_TLS_CIPHER:
	case FIELD_TLS_NOTE:
	case FIELD_METHOD:
	case FIELD_HTTP_VERSION:
	case FIELD_TYPE:
	case FIELD_DETECTED:
	case FIELD_COUNT:
		break;
	}
	return EVENT_WORD_MAX;
}

const char *
event_kind_word(enum event_kind kind)
{
	static const char *const words[] = {"decision", "outcome", "ended"};

	MUST(kind <= EVENT_ENDED);
	return words[kind];
}

bool
event_is_blocked(const struct event *ev)
{
	return ev->decision != NULL && ev->decision->action != DO_PASS &&
	    ev->decision->action != DO_TAG;
}

const char *
event_value(const char *s)
{
	return s != NULL && *s != '\0' ? s : NULL;
}
