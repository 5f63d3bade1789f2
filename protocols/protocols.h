#ifndef PROTOCOLS_PROTOCOLS_H
#define PROTOCOLS_PROTOCOLS_H

#include "proxy/protocol.h"

/* The protocols there are; proxy/main.c puts them into its list. */
extern const struct protocol smtp_protocol;
extern const struct protocol milter_protocol;
extern const struct protocol local_protocol;
extern const struct protocol ftp_protocol;
extern const struct protocol http_protocol;

#endif
