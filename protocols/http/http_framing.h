#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include "protocols/http/http_head.h"

/*
 * http_framing: where a message ends and whether the connection goes on (RFC
 * 9112 6.3 and 9.3).  Pure.  Both fill in framing and goes_on of a head whose
 * fields were read; NONE or what is wrong.
 */
enum http_bad http_framing_of_request(struct http_request_head *r);
enum http_bad http_framing_of_response(struct http_response_head *r);

#endif
