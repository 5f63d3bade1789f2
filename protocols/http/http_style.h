#ifndef HTTP_STYLE_H
#define HTTP_STYLE_H

/*
 * How our pages look, and what a browser may do with them: no scripts, no
 * pictures, nothing to fetch (not even an icon): a page of ours stands in the
 * place of any site's.  Colours are of at least 7 to 1 (WCAG 2.1 1.4.6) in both
 * modes.
 */
#define HTTP_STYLE_HEAD \
	"<!DOCTYPE html>\n" \
	"<html lang=\"en\">\n" \
	"<head>\n" \
	"<meta charset=\"utf-8\">\n" \
	"<meta name=\"viewport\" content=\"width=device-width\">\n" \
	"<meta name=\"robots\" content=\"noindex\">\n" \
	"<meta name=\"color-scheme\" content=\"light dark\">\n" \
	"<link rel=\"icon\" href=\"data:,\">\n" \
	"<style>\n" \
	":root { color-scheme: light dark }\n" \
	"body { font: 1.05rem/1.5 sans-serif; max-width: 42rem;\n" \
	"\tmargin: 3rem auto; padding: 0 1rem; color: #1b1b1b;\n" \
	"\tbackground: #ffffff }\n" \
	"h1 { font-size: 1.6rem; border-left: 0.4rem solid #a11212;\n" \
	"\tpadding-left: 0.8rem }\n" \
	"h2 { font-size: 1.25rem; margin-top: 2rem }\n" \
	"dt { font-weight: bold; margin-top: 0.6rem }\n" \
	"dd { margin: 0; overflow-wrap: anywhere }\n" \
	"code { overflow-wrap: anywhere }\n" \
	"a { color: #0b3d91 }\n" \
	"@media (prefers-color-scheme: dark) {\n" \
	"\tbody { color: #e8e8e8; background: #16181a }\n" \
	"\th1 { border-color: #ff7b72 }\n" \
	"\ta { color: #9ecbff }\n" \
	"}\n" \
	"</style>\n"

/* The same as a field. */
#define HTTP_STYLE_POLICY \
	"Content-Security-Policy: default-src 'none'; " \
	"style-src 'unsafe-inline'; img-src data:; base-uri 'none'; " \
	"form-action 'none'\r\n"

#endif
