#ifndef MILTER_PACKET_H
#define MILTER_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/buf.h"
#include "proxy/base/slice.h"

/* The longest packet, its letter counted, unless 1 MB was agreed upon. */
#define MILTER_PACKET_MAX (256 * 1024 + 1)
#define MILTER_PACKET_MAX_1M (1024 * 1024 + 1)

/*
 * milter_packet: takes packets off a stream.  Pure.  A packet that comes in
 * pieces is put together; of a piece of a body nothing is held: it is given on
 * as it comes.
 */
struct milter_packet {
	size_t most;           /* of one packet; see above */
	unsigned have;         /* bytes of head so far */
	unsigned char head[5]; /* length and letter */
	size_t left;           /* of the data, still to come */
	struct buf held;       /* the data so far */
	bool taken;            /* held was given on with the last call */

	/* what was taken */
	char command;
	struct slice data; /* until the next call */
	bool last;         /* false: more of this packet follows */
	uint32_t length;   /* of the packet, for what is PACKET_LONG */
};

void milter_packet_init(struct milter_packet *p);
void milter_packet_free(struct milter_packet *p);

enum milter_packet_is {
	PACKET_NONE, /* all of *in is taken, and no packet is whole */
	PACKET_SOME, /* command, data and last say what */
	PACKET_LONG, /* longer than most: close */
	PACKET_EMPTY /* a length of 0, no letter: close */
};

/* Takes one packet, or a piece of a body, off the front of *in. */
enum milter_packet_is milter_packet(struct milter_packet *p, struct slice *in);

#endif
