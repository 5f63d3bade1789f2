#ifndef FTP_H
#define FTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/ftp/ftp_dest.h"
#include "protocols/ftp/ftp_line.h"
#include "protocols/ftp/ftp_reply.h"
#include "proxy/base/addr.h"
#include "proxy/deny.h"
#include "proxy/session.h"

/*
 * ftp.h: what the files of this folder share about a session: the client's
 * control connection, ours to a server, and one transfer at a time with a data
 * connection on either side.  The parsers have headers of their own.
 */

struct dial;
struct ftp_early;
struct listen_once;

/* ---- a place (ftp_own.c) ---- */

/* The words of mode. */
enum ftp_mode { FTP_FORWARD, FTP_REVERSE, FTP_REDIRECT };

enum ftp_server_mode { FTP_SERVER_PASSIVE, FTP_SERVER_ACTIVE, FTP_SERVER_SAME };

/* The words of server_tls. */
enum ftp_server_tls { FTP_TLS_OFF, FTP_TLS_MAY, FTP_TLS_MUST, FTP_TLS_VERIFY };

struct ftp_range {
	uint16_t least, most;
};

#define FTP_OWN_MAGIC 0xf7900e01u
struct ftp_own {
	uint32_t magic;
	enum ftp_mode mode;
	bool resume, hold_tail;
	uint64_t hold, tail;
	struct ftp_dest server;   /* default_server; host "": none */
	struct ftp_range passive; /* our ports towards clients */
	struct addr address;      /* passive_address; len 0: auto */
	enum ftp_server_mode server_mode;
	enum ftp_server_tls server_tls;
	int64_t connect_timeout, command_timeout, data_timeout, scan_deadline;
	int64_t reply_within, progress;
	uint64_t max_size;
	struct deny denied;      /* addresses; in mode reverse our own alone */
	struct ftp_range *ports; /* server_ports */
	size_t ports_n;
	uint64_t commands; /* a bit for each row of the table in ftp_cmd.c */
};

int ftp_prepare(struct place *place, void **own_r, struct err *e);
void ftp_forget(void *own);

/* May clients be taken to that port? */
bool ftp_own_port(const struct ftp_own *o, uint16_t port);

/* "21" or "50000-50999"; 0, or -1.  Pure. */
int ftp_range(const char *text, struct ftp_range *r_r);

/* ---- a session (ftp.c) ---- */

/* clang-format off */
/*      state	word		what it means */
#define FTP_STATES(X) \
	X(START,	"start",	"no server yet") \
	X(TLS,		"tls",		"the client shakes hands") \
	X(DIAL,		"dial",		"a server is dialled, or to greet us") \
	X(LOGIN,	"login",	"a server is there, and asks who it is") \
	X(READY,	"ready",	"logged in") \
	X(MOVE,		"move",		"a transfer is under way") \
	X(OVER,		"over",		"the session ends with this call")

enum ftp_state {
#define X(state, word, text) FTP_##state,
	FTP_STATES(X)
#undef X
};
/* clang-format on */

/* A reply came: 1xx may be followed by more, others end what was asked. */
typedef void ftp_answered(struct session *s, const struct ftp_reply *r);

/* Data connections with it. */
enum ftp_prot { FTP_PROT_UNKNOWN, FTP_PROT_CLEAR, FTP_PROT_PRIVATE };

/* The connection to a server (ftp_server.c). */
struct ftp_server {
	struct ftp_dest dest;
	struct dial *dial;
	struct io *io;
	struct ftp_reply reply;
	ftp_answered *answered; /* NULL: nothing is asked */
	char *user;             /* to be said behind its greeting; NULL */
	char *greeting;         /* while it is asked for TLS */
	bool marked;            /* a 1xx may come before the reply */
	bool begun;             /* what is ignored, or left, had its 1xx ... */
	bool probed;            /* ... and its end is asked for */
	char *leftover;         /* a half file to be deleted there; NULL */
	bool securing;          /* AUTH TLS was said, or hands are shaken */
	bool in_clear;          /* because TLS has failed */
	enum ftp_prot prot;
};

/* ---- data connections (ftp_data.c) ---- */

enum ftp_way { FTP_WAY_NONE, FTP_WAY_PASSIVE, FTP_WAY_ACTIVE };

enum ftp_data_event {
	FTP_DATA_THERE, /* TLS comes first, then FTP_DATA_OPEN */
	FTP_DATA_OPEN,
	FTP_DATA_INPUT,
	FTP_DATA_SENT, /* all that was fed */
	FTP_DATA_END,  /* the peer sends no more */
	FTP_DATA_CUT,  /* the same, and TLS did not say so */
	FTP_DATA_LOST  /* or did not come; see why */
};

/* One side's data connection, or the way to it. */
struct ftp_data {
	struct session *s;
	enum ftp_way way;           /* passive: we listen or dialled ... */
	struct listen_once *listen; /* ... for one who comes */
	struct addr target;         /* of one who waits for us */
	struct dial *dial;
	struct io *io;
	bool wanted;    /* the transfer has to hear of it */
	bool securing;  /* TLS is not there yet */
	bool late;      /* lost, because it did not move in time */
	uint64_t moved; /* bytes when its deadline was last set */
	char why[128];
};

#define DATA_TIMEOUT "data_timeout"

void ftp_data_close(struct ftp_data *d); /* also what waits to become one */
void ftp_data_reset(struct ftp_data *d);

/* The transfer is over.  Who has not come yet may come to nothing: mod_proxy
 * reads no reply before it has connected. */
void ftp_data_leave(struct ftp_data *d);

/* Listens at local for the host of from; 0, or -1 with words. */
int ftp_data_listen(struct ftp_data *d, const struct addr *local,
    const struct addr *from, struct ftp_range ports, struct err *e);

/* From now on the transfer is told.  It is open now: true; else FTP_DATA_THERE,
 * FTP_DATA_OPEN or FTP_DATA_LOST comes. */
bool ftp_data_want(struct ftp_data *d);

/* A range of c, then the end.  FTP_DATA_SENT follows; false: there was nothing
 * to send. */
bool ftp_data_send(
    struct ftp_data *d, const struct content *c, uint64_t from, uint64_t to);

/* All is sent: closes; under TLS, or when the peer has talked, behind its end.
 */
void ftp_data_finish(struct ftp_data *d);

/* PORT, EPRT, PASV, EPSV of the client. */
void ftp_act_port(struct session *s, const struct ftp_line *l);
void ftp_act_eprt(struct session *s, const struct ftp_line *l);
void ftp_act_pasv(struct session *s, const struct ftp_line *l);
void ftp_act_epsv(struct session *s, const struct ftp_line *l);

/* ---- transfers (ftp_move.c, ftp_remote.c) ---- */

enum ftp_flow { FTP_GET, FTP_PUT, FTP_LIST, FTP_HASH };

/* clang-format off */
/*	phase		what happens */
#define FTP_PHASES(X) \
	X(FETCH,	"fetch")	/* from the server into the content */ \
	X(CLIENT,	"client")	/* to or from the client */ \
	X(JUDGE,	"judge")	/* at the gate */ \
	X(PUSH,		"push")		/* to the server */

enum ftp_phase {
#define X(phase, word) FTP_IN_##phase,
	FTP_PHASES(X)
#undef X
};
/* clang-format on */

#define FTP_TRANSFER_MAGIC 0xf7900e02u
struct ftp_transfer {
	uint32_t magic;
	enum ftp_flow flow;
	enum ftp_phase phase;
	char verb[FTP_VERB_MAX + 1]; /* what the server is asked */
	char *name;
	struct exchange *x;      /* NULL: a listing, which is not judged */
	struct exchange *other;  /* its other reading, see ftp_ascii.c */
	struct content *listing; /* then this */
	struct ftp_early *tail;  /* what leaves before the verdict; NULL */
	uint64_t from;           /* where the piece in it begins */
	bool resumed;            /* the content has more than the piece */
	bool active;             /* the client is dialled, not listened for */
	bool multi, said;        /* a 150- was said; the last 150 was */
	bool there;              /* the server: its data connection is ... */
	bool asked, begun;       /* ... its verb was said; 1xx came */
	bool early;              /* some of it left before the verdict */
	bool sent, eof, broken;  /* the server's data: our end, its; lost */
	unsigned final;          /* the server's last reply; 0: not yet ... */
	char *reply;             /* ... that the client will hear; NULL */
	char *refusal;           /* what follows an empty data connection */
	int64_t began_ms;        /* delivery */
	uint64_t bytes_in, bytes_out;
};

struct ftp {
	enum ftp_state state;
	bool going;       /* ftp_go_on() is up the stack */
	bool half_closed; /* the client sends no more */
	bool ascii;       /* TYPE A */
	bool pbsz, prot;  /* was said; PROT P */
	bool epsv_all;    /* RFC 2428 4 */
	uint64_t rest;    /* of REST, for the next transfer */
	char *user;       /* as the server knows it */
	struct ftp_server server;
	struct ftp_data client, remote;
	struct ftp_transfer *t; /* in MOVE */
};

/* The only writer of state. */
void ftp_enter(struct session *s, enum ftp_state next);

/* Does what can be done now.  The last thing in every call from outside. */
void ftp_go_on(struct session *s);

struct ftp_own *ftp_own(const struct session *s);

/* A whole reply, CRLF included. */
void ftp_say(struct session *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A server's reply goes on as it is, with its code. */
void ftp_relay(struct session *s, const struct ftp_reply *r);

/* As it goes to a client; the caller frees it. */
char *ftp_written(const struct ftp_reply *r);

/* 421, and the session is over. */
void ftp_over(struct session *s, const char *why);

/* ---- commands (ftp_cmd.c) ---- */

/* Does what the line says. */
void ftp_command(struct session *s, const struct ftp_line *l);

/* The row of a verb in the table; -1: there is none.  For `commands`. */
int ftp_command_row(const char *verb);

/* ---- TLS towards the client (ftp_tls.c) ---- */

void ftp_act_auth(struct session *s, const struct ftp_line *l);
void ftp_act_pbsz(struct session *s, const struct ftp_line *l);
void ftp_act_prot(struct session *s, const struct ftp_line *l);
void ftp_tls_secured(struct session *s);

/* Not this command before AUTH TLS. */
bool ftp_tls_demanded(const struct session *s, const char *verb);

/* True: no transfer before PROT P, and the client was told. */
bool ftp_tls_data_refused(struct session *s);

/* A data connection turns to TLS.  False: it has not to. */
bool ftp_tls_data(struct ftp_data *d);

/* ---- TLS towards the server (ftp_secure.c) ---- */

/* Where a server is there, has greeted us, is about to be asked for a transfer:
 * true: TLS comes first, and goes on from there by itself. */
bool ftp_secure_dialled(struct session *s);
bool ftp_secure_greeted(struct session *s, const struct ftp_reply *r);
bool ftp_secure_before_data(struct session *s);

void ftp_secure_done(struct session *s); /* hands are shaken */

/* The connection is lost; true: once more, in the clear. */
bool ftp_secure_gives_up(struct session *s, const char *why);

void ftp_secure_data(struct session *s);

/* ---- the server's control connection (ftp_server.c) ---- */

void ftp_server_dial(struct session *s, const struct ftp_dest *d);

/* Its greeting is awaited. */
void ftp_server_greets(struct session *s);

/* Says a command, CRLF included; answered is told, never from in here. */
void ftp_server_ask(struct session *s, ftp_answered *answered, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* Whatever is still to be answered is of no use any more (begun: a 1xx to it
 * has come); then name, a half file, is deleted (NULL: nothing is). */
void ftp_server_ignore(struct session *s, bool begun, const char *name);

/* The connection is about to go, and a transfer with it: half a file of its
 * doing is to be deleted there. */
void ftp_server_leave_over(struct session *s);

void ftp_server_drop(struct session *s); /* with a QUIT */

/* Relays what the server answers. */
void ftp_answered_relay(struct session *s, const struct ftp_reply *r);

/* ---- logging in (ftp_login.c) ---- */

void ftp_act_user(struct session *s, const struct ftp_line *l);
void ftp_act_pass(struct session *s, const struct ftp_line *l);
void ftp_act_open(struct session *s, const struct ftp_line *l);
void ftp_act_rein(struct session *s, const struct ftp_line *l);

/* Back to where nothing is known. */
void ftp_login_anew(struct session *s);

/* The server's greeting has come; TLS is there, too; or the connection is
 * not. */
void ftp_login_greeted(struct session *s, const struct ftp_reply *r);
void ftp_login_ready(struct session *s);
void ftp_login_failed(struct session *s, const char *why);

/* ---- FEAT (ftp_feat.c) ---- */

void ftp_act_feat(struct session *s, const struct ftp_line *l);

/* ---- transfers ---- */

void ftp_act_retr(struct session *s, const struct ftp_line *l);
void ftp_act_stor(struct session *s, const struct ftp_line *l);
void ftp_act_list(struct session *s, const struct ftp_line *l);
void ftp_act_hash(struct session *s, const struct ftp_line *l);

void ftp_move_data(
    struct session *s, struct ftp_data *d, enum ftp_data_event what);

/* Ends it: reply goes to the client, result and reason (may be NULL) into the
 * event. */
void ftp_move_end(struct session *s, const char *result, const char *reason,
    const char *reply);

/* Ends it before its time: what is under way at the server stops. */
void ftp_move_stop(struct session *s, const char *result, const char *reason,
    const char *reply);

/* Says 150, and wants the client's data connection. */
void ftp_move_open(struct session *s);

/* The client's side begins, or goes on where some of it has left already. */
void ftp_move_client(struct session *s);

void ftp_move_progress(struct session *s); /* a 150- line */
void ftp_move_gone(struct session *s);     /* the client has left */

struct ftp_transfer *ftp_transfer(const struct session *s);
struct content *ftp_content(const struct ftp_transfer *t);
void ftp_phase(struct session *s, enum ftp_phase next);

/* ---- what leaves before the verdict (ftp_early.c) ---- */

/* For the download that begins; NULL: nothing does. */
struct ftp_early *ftp_early_open(struct session *s);
void ftp_early_free(struct ftp_early **fp);

bool ftp_early_begun(const struct ftp_transfer *t);
bool ftp_early_rests(
    const struct ftp_transfer *t); /* the client has all so far */
uint64_t ftp_early_sent(const struct ftp_transfer *t);

void ftp_early_came(struct session *s); /* more is in the content */
void ftp_early_opened(struct session *s);
bool ftp_early_drained(struct session *s); /* false: that was not ours */

/* The verdict is good: all of it goes.  Only when it has begun. */
void ftp_early_passes(struct session *s);

/* The name of what may lie half at the server, by our doing; NULL: nothing. */
const char *ftp_move_leftover(const struct session *s);

/* ftp_remote.c: the server's part of a transfer: fetches or pushes, as the
 * phase says. */
void ftp_remote_begin(struct session *s);
void ftp_remote_data(struct session *s, enum ftp_data_event what);

/* It ends with the server's own words. */
void ftp_move_answer(struct session *s, const char *result, const char *reason,
    const struct ftp_reply *r);

/* All of it has been fetched. */
void ftp_move_fetched(struct session *s);

/* x->decision holds for the transfer; an exchange_decided. */
void ftp_move_decided(void *arg, struct exchange *x);

/* Has the content judged as it is. */
void ftp_move_judge(struct session *s);

/* One about this transfer, with facts and an empty content. */
struct exchange *ftp_move_exchange(
    struct session *s, const struct ftp_transfer *t);

/* ftp_ascii.c: has the other reading judged, then calls ftp_move_judge().
 * False: there is none. */
bool ftp_ascii_judge(struct session *s);

/* Bytes for the content.  False: they have no room, and it has ended. */
bool ftp_move_write(struct session *s, const char *bytes, size_t len);

#endif
