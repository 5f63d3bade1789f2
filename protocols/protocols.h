#ifndef PROTOCOLS_PROTOCOLS_H
#define PROTOCOLS_PROTOCOLS_H

#include "proxy/protocol.h"

/* The protocols there are; proxy/main.c puts them into its list. */
extern const struct protocol smtp_protocol;

#endif
