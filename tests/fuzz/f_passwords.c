/*
 * f_passwords: a file of users, whatever is in it: taken, or refused with its
 * line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/passwords.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {""};
	struct passwords *p = passwords_open(
	    "users", (struct slice){(const char *)data, size}, NULL, &e);

	if (p == NULL)
		MUST(strncmp(e.text, "users:", 6) == 0);
	else
		MUST(passwords_known(p, "a", "b") == PASSWORD_WAIT);
	passwords_free(&p);
	return 0;
}
