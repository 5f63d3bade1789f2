/*
 * http_framing: where a message ends.  Two lengths, or one that two readers
 * could read differently, are how requests are smuggled: refused, all of
 * them.  Pure.
 */

#include "protocols/http/http_framing.h"

#include "protocols/http/http_field.h"
#include "protocols/http/http_list.h"

/* What Content-Length and Transfer-Encoding say; NONE where neither is. */
static enum http_bad
announced(const struct http_head *h, struct http_framing *f_r)
{
	bool coded = http_has(h, HTTP_FIELD_TRANSFER_ENCODING);
	bool counted = http_has(h, HTTP_FIELD_CONTENT_LENGTH);
	struct slice coding;

	*f_r = (struct http_framing){HTTP_BODY_NONE, 0};
	if (coded && counted)
		return HTTP_BAD_BOTH;
	if (counted) {
		f_r->is = HTTP_BODY_LENGTH;
		/* RFC 9112 6.3 would let "5, 5" pass; others read 55 or 5. */
		if (http_number(http_value(h, HTTP_FIELD_CONTENT_LENGTH),
			&f_r->length) < 0)
			return HTTP_BAD_LENGTH;
		return HTTP_BAD_NONE;
	}
	if (!coded)
		return HTTP_BAD_NONE;
	if (h->minor == 0) /* RFC 9112 6.1 */
		return HTTP_BAD_OLD_CODING;
	/* No other coding is asked for: TE never goes on. */
	coding = http_value(h, HTTP_FIELD_TRANSFER_ENCODING);
	if (!slice_is_word(coding, "chunked"))
		return HTTP_BAD_CODING;
	/* Blanks behind it are fine (RFC 9112 5), but there are readers that
	 * see another coding then. */
	if (coding.at[coding.len] != '\r')
		return HTTP_BAD_CODING;
	f_r->is = HTTP_BODY_CHUNKED;
	return HTTP_BAD_NONE;
}

static bool
persists(const struct http_head *h, bool is_request)
{
	if (http_list_has(h, HTTP_FIELD_CONNECTION, "close"))
		return false;
	if (h->minor > 0)
		return true;
	/* RFC 9112 9.3: a proxy does not keep an HTTP/1.0 client. */
	return !is_request &&
	    http_list_has(h, HTTP_FIELD_CONNECTION, "keep-alive");
}

enum http_bad
http_framing_of_request(struct http_request_head *r)
{
	struct http_head *h = &r->head;
	enum http_bad bad = announced(h, &h->framing);

	if (bad != HTTP_BAD_NONE)
		return bad;
	if (!http_connection_is_good(h))
		return HTTP_BAD_CONNECTION;
	/* RFC 9110 9.3.6: it would be the tunnel's first bytes to some. */
	if (r->method == HTTP_CONNECT &&
	    (h->framing.is == HTTP_BODY_CHUNKED || h->framing.length > 0))
		return HTTP_BAD_CONNECT_BODY;
	h->goes_on = persists(h, true);
	return HTTP_BAD_NONE;
}

static bool
is_tunnel(const struct http_response_head *r)
{
	if (r->status == 101)
		return true;
	return r->asked == HTTP_CONNECT && r->status / 100 == 2;
}

enum http_bad
http_framing_of_response(struct http_response_head *r)
{
	struct http_head *h = &r->head;
	struct http_framing f;
	enum http_bad bad;

	if (!http_connection_is_good(h))
		return HTTP_BAD_CONNECTION;
	if (is_tunnel(r)) {
		/* RFC 9110 9.3.6: lengths in it are ignored. */
		h->framing.is = HTTP_BODY_TUNNEL;
		return HTTP_BAD_NONE;
	}
	bad = announced(h, &f);
	if (bad != HTTP_BAD_NONE)
		return bad;
	h->goes_on = persists(h, false);
	if (r->asked == HTTP_HEAD || r->status == 304)
		return HTTP_BAD_NONE;
	if (r->status == 204 || r->status / 100 == 1) {
		if (f.is == HTTP_BODY_CHUNKED || f.length > 0)
			h->goes_on = false;
		return HTTP_BAD_NONE;
	}
	if (f.is == HTTP_BODY_NONE) {
		f.is = HTTP_BODY_CLOSE;
		h->goes_on = false;
	}
	h->framing = f;
	return HTTP_BAD_NONE;
}
