/*
 * http_onboard: the page behind onboarding_host.  Whatever is not written here
 * is escaped.  Pure.
 */
#include "protocols/http/http_onboard.h"

#include "protocols/http/http_page.h"
#include "protocols/http/http_style.h"

/*
 * Where a system asks for what.  In the words, @ is the address of our file
 * that follows: for the file of proxy settings, or for the certificate.
 */
static const struct step {
	const char *system, *words;
} proxy_steps[] = {
    {"Windows", "Settings, Network &amp; internet, Proxy, Use setup script: @"},
    {"macOS",
	"System Settings, Network, the connection\xe2\x80\x99s Details, "
	"Proxies, Automatic proxy configuration: @"},
    {"iOS",
	"Settings, Wi-Fi, the network\xe2\x80\x99s (i), Configure Proxy, "
	"Automatic: @"},
    {"Android",
	"Settings, Network, the Wi-Fi network, Edit, Advanced options, "
	"Proxy, Auto-config: @"},
    {"Firefox",
	"Settings, Network Settings, Automatic proxy configuration URL: @"},
};

static const struct step ca_steps[] = {
    {"Windows",
	"Open ca.cer, Install Certificate, Local Machine, Place all "
	"certificates in: Trusted Root Certification Authorities."},
    {"macOS",
	"Open ca.cer with Keychain Access, add it to System, then open it "
	"there and set Trust, Secure Sockets Layer to Always Trust."},
    {"iOS",
	"Open ca.cer in Safari and allow it.  Settings, Profile Downloaded, "
	"Install.  Then Settings, General, About, Certificate Trust "
	"Settings: turn it on."},
    {"Android",
	"Settings, Security, Encryption &amp; credentials, Install a "
	"certificate, CA certificate, Install anyway: ca.cer.  Some "
	"applications trust only what came with the system."},
    {"Firefox",
	"Settings, Privacy &amp; Security, View Certificates, Authorities, "
	"Import: ca.pem, and Trust this CA to identify websites."},
    {"Debian",
	"As root: <code>curl -o /usr/local/share/ca-certificates/"
	"sallyport.crt @ &amp;&amp; update-ca-certificates</code>"},
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

static int
put_value(struct buf *to, const char *value)
{
	return http_escape(to, slice_of(value), HTTP_TAG_VALUE_MAX);
}

#define PLAIN "http://"

/* Where the proxy is. */
static const char *
scheme(const struct http_onboard *o)
{
	return o->secured ? "https://" : PLAIN;
}

/* http://host/file */
static int
put_address(struct buf *to, const char *how, const char *host, const char *file)
{
	if (buf_puts(to, how) < 0 || put_value(to, host) < 0)
		return -1;
	return buf_puts(to, file);
}

static int
put_steps(struct buf *to, const struct step *list, size_t n, const char *how,
    const char *host, const char *file)
{
	const char *words, *at;

	for (size_t i = 0; i < n; i++) {
		words = list[i].words;
		at = strchr(words, '@');
		if (buf_printf(to, "<dt>%s</dt>\n<dd>", list[i].system) < 0)
			return -1;
		if (at != NULL &&
		    (buf_put(to, words, (size_t)(at - words)) < 0 ||
			put_address(to, how, host, file) < 0))
			return -1;
		if (buf_puts(to, at == NULL ? words : at + 1) < 0 ||
		    buf_puts(to, "</dd>\n") < 0)
			return -1;
	}
	return 0;
}

static int
put_proxy(struct buf *to, const struct http_onboard *o)
{
	if (buf_puts(to,
		"<h2>The proxy</h2>\n<p>Browsers find it by "
		"<a href=\"/proxy.pac\">proxy.pac</a> (<a href=\"/wpad.dat\">"
		"wpad.dat</a> is the same):</p>\n<dl>\n") < 0 ||
	    put_steps(to, proxy_steps, N(proxy_steps), scheme(o), o->proxy,
		"/proxy.pac") < 0 ||
	    buf_puts(to, "<dt>Debian</dt>\n<dd><code>http_proxy=") < 0 ||
	    put_address(to, scheme(o), o->proxy, "") < 0 ||
	    buf_puts(to, "</code>, and <code>https_proxy=") < 0 ||
	    put_address(to, scheme(o), o->proxy, "") < 0)
		return -1;
	return buf_puts(to, "</code></dd>\n</dl>\n");
}

static int
put_no_ca(struct buf *to)
{
	return buf_puts(to,
	    "<h2>The certificate</h2>\n<p>This gateway has no certificate "
	    "authority of its own: there is nothing to install.</p>\n");
}

static int
put_ca(struct buf *to, const struct http_onboard *o)
{
	if (buf_puts(to,
		"<h2>The certificate</h2>\n<p>The gateway looks inside "
		"encrypted connections, too.  For that your computer has to "
		"trust its certificate authority: <a href=\"/ca.cer\">ca.cer"
		"</a> (DER) or <a href=\"/ca.pem\">ca.pem</a> (PEM).</p>\n"
		"<p><strong>First compare its SHA-256 fingerprint</strong> "
		"with the one that you were given on another way:</p>\n"
		"<p><code>") < 0 ||
	    put_value(to, o->print) < 0 ||
	    buf_puts(to, "</code></p>\n<dl>\n") < 0 ||
	    put_steps(to, ca_steps, N(ca_steps), PLAIN, o->host, "/ca.pem") < 0)
		return -1;
	return buf_puts(to, "</dl>\n");
}

static int
put_page(struct buf *to, const struct http_onboard *o)
{
	if (buf_puts(to,
		HTTP_STYLE_HEAD
		"<title>Sallyport</title>\n</head>\n<body>\n"
		"<main>\n<h1>Sallyport</h1>\n<p>This is the web gateway ") <
		0 ||
	    put_value(to, o->gateway) < 0 ||
	    buf_puts(to,
		".  What comes from the web is inspected here before it "
		"is delivered.</p>\n") < 0 ||
	    put_proxy(to, o) < 0 ||
	    (o->print == NULL ? put_no_ca(to) : put_ca(to, o)) < 0)
		return -1;
	if (o->contact[0] != '\0' &&
	    (buf_puts(to, "<p>Questions: ") < 0 ||
		put_value(to, o->contact) < 0 || buf_puts(to, "</p>\n") < 0))
		return -1;
	return buf_puts(to, "</main>\n</body>\n</html>\n");
}

int
http_onboard_put(struct buf *to, const struct http_onboard *o)
{
	size_t before = to->len;

	if (put_page(to, o) == 0)
		return 0;
	to->len = before;
	return -1;
}
