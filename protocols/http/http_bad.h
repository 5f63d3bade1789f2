#ifndef HTTP_BAD_H
#define HTTP_BAD_H

/*
 * Why a message is malformed: the word that stands in the event, and a
 * sentence for the page.  One table for requests, responses and bodies: 400
 * towards a client, 502 when an origin said it, and the connection is closed.
 */
/* clang-format off */
#define HTTP_BADS(X) \
	X(NONE,		"none",		"Nothing is wrong with it.") \
	X(START,	"start_line",	"The first line is not HTTP.") \
	X(METHOD,	"method",	"The method is no token, or too long.") \
	X(TARGET,	"target",	"The request target is not a URL.") \
	X(SCHEME,	"scheme",	"The scheme of the URL is not known.") \
	X(AUTHORITY,	"authority",	"The host or port of the URL is not one.") \
	X(USERINFO,	"userinfo",	"The URL carries a user name.") \
	X(FORM,		"target_form",	"The method cannot have such a target.") \
	X(VERSION,	"version",	"The version is neither 1.0 nor 1.1.") \
	X(STATUS,	"status",	"The status is not of three digits.") \
	X(BARE_CR,	"bare_cr",	"A CR stands without its LF.") \
	X(BARE_LF,	"bare_lf",	"An LF stands without its CR.") \
	X(CONTROL,	"control",	"A NUL or control byte is in the header.") \
	X(LONG_START,	"long_start",	"The first line is too long.") \
	X(LONG_FIELD,	"long_field",	"A field is too long.") \
	X(LONG_HEAD,	"long_head",	"The header is too long.") \
	X(MANY_FIELDS,	"many_fields",	"The header has too many fields.") \
	X(FOLD,		"fold",		"A field goes on in the next line.") \
	X(FIELD_NAME,	"field_name",	"The name of a field is not a token.") \
	X(COLON,	"blank_colon",	"Blanks stand before a colon.") \
	X(NO_COLON,	"no_colon",	"A field has no colon.") \
	X(NO_HOST,	"no_host",	"Host is missing.") \
	X(TWO_HOSTS,	"two_hosts",	"Host stands there twice.") \
	X(HOST,		"host",		"Host is not a host.") \
	X(LENGTH,	"length",	"Content-Length is not a number.") \
	X(TWO_LENGTHS,	"two_lengths",	"Content-Length stands there twice.") \
	X(CODING,	"coding",	"Transfer-Encoding is not just chunked.") \
	X(BOTH,		"length_coding", \
	    "Content-Length and Transfer-Encoding are both there.") \
	X(OLD_CODING,	"old_coding",	"Transfer-Encoding came in HTTP/1.0.") \
	X(CONNECT_BODY,	"connect_body",	"CONNECT has a body.") \
	X(TWICE,	"twice",	"A field that can be there once is twice.") \
	X(CONNECTION,	"connection", \
	    "Connection is no list, or names what is for all.") \
	X(CHUNK_SIZE,	"chunk_size",	"The size of a chunk is not a number.") \
	X(CHUNK_LINE,	"chunk_line",	"The line of a chunk is broken.") \
	X(CHUNK_END,	"chunk_end",	"A chunk does not end where it should.") \
	X(CHUNK_MORE,	"chunk_extension", "Chunks carry too much beside data.") \
	X(TRAILER,	"trailer",	"A trailer is not allowed there.")

enum http_bad {
#define X(name, word, text) HTTP_BAD_##name,
	HTTP_BADS(X)
#undef X
	HTTP_BAD_COUNT
};
/* clang-format on */

const char *http_bad_word(enum http_bad bad);

/* The sentence; plain ASCII. */
const char *http_bad_text(enum http_bad bad);

#endif
