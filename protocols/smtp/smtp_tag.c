/*
 * smtp_tag: the address says where a mail has to go.  The MTA's own rules put a
 * tag on recipients to send the mail through the gateway, which takes it off
 * again: what AVPKeeper did, without keeping the mail.
 */
#include "protocols/smtp/smtp_tag.h"

#include <ctype.h>

void
smtp_untag(struct smtp_addr *a, const char *tag)
{
	size_t n = strlen(tag);

	if (n == 0 || a->domain.len <= n ||
	    strncasecmp(a->domain.at + a->domain.len - n, tag, n) != 0)
		return;
	a->domain.len -= n;
	a->whole.len -= n;
}

int
smtp_tag_check(const char *tag, struct err *e)
{
	size_t n = strlen(tag);

	if (n < 2 || n > 64 || tag[0] != '.' || tag[1] == '-' ||
	    tag[n - 1] == '-')
		return err_set(
		    e, "a tag is a dot and letters, digits, hyphens: .scan-me");
	for (const char *s = tag + 1; *s != '\0'; s++) {
		if (!isalnum((unsigned char)*s) && *s != '-')
			return err_set(e,
			    "a tag is a dot and letters, digits, hyphens: "
			    ".scan-me");
	}
	return 0;
}
