#ifndef PROXY_LISTENER_H
#define PROXY_LISTENER_H

struct listener;
struct place;
struct worker;

/*
 * listener: one listening socket of a net worker.  It accepts, asks admit
 * whether the client may come, and opens a session or has the protocol say no.
 */

/* Takes a bound and listening socket over; holds place. */
struct listener *listener_open(struct worker *w, struct place *place, int *fdp);

/* From now on sessions begin in this place: a new configuration. */
void listener_place(struct listener *ln, struct place *place);

/* Closes the descriptor, which stops accepting where it is the only one. */
void listener_free(struct listener **lp);

#endif
