#ifndef PROXY_PLACE_H
#define PROXY_PLACE_H

#include "proxy/admit.h"
#include "proxy/session.h"

/*
 * place: the life of a place.  The worker opens one for each enabled listener
 * of a configuration and retires it when another configuration comes; sessions
 * and exchanges hold it, and with the last of them it goes.
 */

struct proxied_conf;

/* It has gone: what it borrowed (conf, policies) may go, too. */
typedef void place_gone(void *arg);

/*
 * Reads what a listener says and has its protocol prepare.  worker is NULL for
 * a check; kit may be NULL, then there is no TLS towards clients.  NULL with
 * words.
 */
struct place *place_open(struct worker *w, const struct conf *conf,
    const struct conf_section *listener, const struct policies *policies,
    const struct tls_kit *kit, struct err *e);

/* No new session comes.  gone (may be NULL) is called once, from the loop; for
 * a check at once.  *pp becomes NULL. */
void place_retire(struct place **pp, place_gone *gone, void *arg);

void place_hold(struct place *p);
void place_drop(struct place *p);

const struct admit *place_admit(const struct place *p);
const struct proxied_conf *place_proxied(const struct place *p);

/* Its sessions: how many; tells each to drain; ends each. */
unsigned place_sessions(const struct place *p);
void place_drain(struct place *p);

/* Another configuration is in force: see protocol.h. */
void place_renew(struct place *p);
void place_end_sessions(struct place *p);

#endif
