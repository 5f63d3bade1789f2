/*
 * ftp_own: what a [listener] with protocol ftp says, read once for each net
 * worker and configuration.
 */

#include "protocols/ftp/ftp.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"

static int64_t
number(const struct place *p, enum opt opt)
{
	return conf_int(p->conf, p->listener, opt);
}

static int
wrong(const struct place *p, enum opt opt, const char *text, const char *why,
    struct err *e)
{
	return err_set(e, "%s: %s: \"%.60s\" %s",
	    conf_origin(p->conf, p->listener, opt), schema_opt(opt)->key, text,
	    why);
}

/* A port from the front of *text. */
static int
port(const char **text, uint16_t *port_r)
{
	unsigned n = 0;

	if (**text < '1' || **text > '9')
		return -1;
	for (; **text >= '0' && **text <= '9'; (*text)++) {
		n = n * 10 + (unsigned)(**text - '0');
		if (n > 65535)
			return -1;
	}
	*port_r = (uint16_t)n;
	return 0;
}

int
ftp_range(const char *text, struct ftp_range *r_r)
{
	if (port(&text, &r_r->least) < 0)
		return -1;
	r_r->most = r_r->least;
	if (*text == '-') {
		text++;
		if (port(&text, &r_r->most) < 0)
			return -1;
	}
	return *text == '\0' && r_r->least <= r_r->most ? 0 : -1;
}

static int
read_server(const struct place *p, struct ftp_own *o, struct err *e)
{
	enum opt opt = OPT_FTP_DEFAULT_SERVER;
	const char *text = conf_str(p->conf, p->listener, opt);

	o->mode = (enum ftp_mode)number(p, OPT_FTP_MODE);
	if (strcmp(text, "none") == 0) {
		if (o->mode == FTP_REVERSE)
			return wrong(p, opt, text,
			    "is not enough for mode = reverse", e);
		return 0;
	}
	if (ftp_dest(slice_of(text), &o->server) < 0)
		return wrong(p, opt, text, "is not host or host:port", e);
	return 0;
}

static int
read_passive(const struct place *p, struct ftp_own *o, struct err *e)
{
	enum opt opt = OPT_FTP_PASSIVE_PORTS;
	const char *const *list;
	const char *text;

	if (conf_list(p->conf, p->listener, opt, &list) != 1 ||
	    ftp_range(list[0], &o->passive) < 0)
		return wrong(p, opt, "", "one port or one range is needed", e);
	opt = OPT_FTP_PASSIVE_ADDRESS;
	text = conf_str(p->conf, p->listener, opt);
	if (strcmp(text, "auto") == 0)
		return 0;
	if (addr_number(text, 0, &o->address) < 0 ||
	    o->address.ss.ss_family != AF_INET)
		return wrong(p, opt, text, "is not auto or an IPv4 address", e);
	return 0;
}

static int
read_ports(const struct place *p, struct ftp_own *o, struct err *e)
{
	enum opt opt = OPT_FTP_SERVER_PORTS;
	const char *const *list;
	size_t n = conf_list(p->conf, p->listener, opt, &list);

	o->ports = xcalloc(n + 1, sizeof(*o->ports));
	for (; o->ports_n < n; o->ports_n++) {
		if (ftp_range(list[o->ports_n], &o->ports[o->ports_n]) < 0)
			return wrong(p, opt, list[o->ports_n],
			    "is not a port or a range of ports", e);
	}
	return 0;
}

/* The server of mode reverse the operator has named. */
static int
read_denied(const struct place *p, struct ftp_own *o, struct err *e)
{
	if (o->mode != FTP_REVERSE)
		return deny_read(&o->denied, p->conf, p->listener,
		    OPT_FTP_DENY_DESTINATIONS, e);
	deny_read_own(&o->denied, p->conf);
	return 0;
}

static int
read_commands(const struct place *p, struct ftp_own *o, struct err *e)
{
	enum opt opt = OPT_FTP_COMMANDS;
	const char *const *list;
	size_t n = conf_list(p->conf, p->listener, opt, &list);

	for (size_t i = 0; i < n; i++) {
		int row = ftp_command_row(list[i]);

		if (row < 0)
			return wrong(p, opt, list[i],
			    "is no command that is spoken here", e);
		o->commands |= UINT64_C(1) << row;
	}
	return 0;
}

/* Whom server_tls = verify believes. */
static int
read_trust(const struct place *p, const struct ftp_own *o, struct err *e)
{
	if (o->server_tls != FTP_TLS_VERIFY || p->tls_kit == NULL)
		return 0;
	return tls_trust(p->tls_client, p->conf, p->listener, p->tls_kit, e);
}

static void
read_numbers(const struct place *p, struct ftp_own *o)
{
	o->resume = number(p, OPT_FTP_RESUME) == 0;
	o->server_mode = (enum ftp_server_mode)number(p, OPT_FTP_SERVER_MODE);
	o->server_tls = (enum ftp_server_tls)number(p, OPT_FTP_SERVER_TLS);
	o->connect_timeout = number(p, OPT_FTP_CONNECT_TIMEOUT);
	o->command_timeout = number(p, OPT_FTP_COMMAND_TIMEOUT);
	o->data_timeout = number(p, OPT_FTP_DATA_TIMEOUT);
	o->scan_deadline = number(p, OPT_FTP_SCAN_DEADLINE);
	o->reply_within = number(p, OPT_FTP_UPLOAD_REPLY_WITHIN);
	o->progress = number(p, OPT_FTP_PROGRESS);
	o->hold_tail = number(p, OPT_FTP_DELIVERY) == 1;
	o->hold = (uint64_t)number(p, OPT_FTP_HOLD);
	o->tail = (uint64_t)number(p, OPT_FTP_TAIL);
	o->max_size = (uint64_t)number(p, OPT_FTP_MAX_FILE_SIZE);
}

int
ftp_prepare(struct place *place, void **own_r, struct err *e)
{
	struct ftp_own *o = xcalloc(1, sizeof(*o));

	*own_r = NULL;
	o->magic = FTP_OWN_MAGIC;
	read_numbers(place, o);
	if (read_server(place, o, e) < 0 || read_passive(place, o, e) < 0 ||
	    read_ports(place, o, e) < 0 || read_denied(place, o, e) < 0 ||
	    read_commands(place, o, e) < 0 || read_trust(place, o, e) < 0) {
		ftp_forget(o);
		return -1;
	}
	if (place->worker == NULL) {
		ftp_forget(o);
		return 0;
	}
	*own_r = o;
	return 0;
}

void
ftp_forget(void *own)
{
	struct ftp_own *o = own;

	if (o == NULL)
		return;
	IS(o, FTP_OWN_MAGIC);
	deny_free(&o->denied);
	free(o->ports);
	o->magic = 0;
	free(o);
}

bool
ftp_own_port(const struct ftp_own *o, uint16_t wanted)
{
	for (size_t i = 0; i < o->ports_n; i++) {
		if (wanted >= o->ports[i].least && wanted <= o->ports[i].most)
			return true;
	}
	return false;
}
