/*
 * f_ftp_addr: addresses of data connections.  What is read is read the same
 * way when it is written again.
 */
#include <stdint.h>

#include "protocols/ftp/ftp_addr.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	char to[FTP_ADDR_TEXT];
	struct addr a, again;
	uint16_t port = 0;

	if (size == 0)
		return 0;
	if (ftp_addr_port(text, &a) == 0) {
		MUST(a.ss.ss_family == AF_INET);
		MUST(ftp_addr_port(
			 slice_of(ftp_addr_text_port(&a, to)), &again) == 0);
		MUST(addr_same(&a, &again));
	}
	if (ftp_addr_eprt(text, &a) == 0) {
		MUST(addr_port(&a) != 0);
		MUST(ftp_addr_eprt(
			 slice_of(ftp_addr_text_eprt(&a, to)), &again) == 0);
		MUST(addr_same(&a, &again));
	}
	if (ftp_addr_227(text, &a) == 0)
		MUST(a.ss.ss_family == AF_INET && addr_port(&a) != 0);
	if (ftp_addr_229(text, &port) == 0)
		MUST(port != 0);
	return 0;
}
