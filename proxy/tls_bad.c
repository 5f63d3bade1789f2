/*
 * tls_bad: X509_V_ERR_* in plain words, as a table.
 */
#include "proxy/tls_bad.h"

#include <openssl/x509_vfy.h>
#include <stddef.h>

#define NO_ISSUER \
	"its issuer is not known here, or the server does not send all of " \
	"its " \
	"chain"
#define NOT_RFC_5280 "it is not made as RFC 5280 demands"

static const struct {
	int error;
	const char *means;
} rows[] = {
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, NO_ISSUER},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, NO_ISSUER},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, NO_ISSUER},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "nobody vouches for it"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "its root is not one we trust"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, "its issuer did not sign this"},
    {X509_V_ERR_CERT_REVOKED, "its issuer has taken it back"},
    {X509_V_ERR_OCSP_VERIFY_NEEDED,
	"it has to come with a good OCSP response, and does not"},
    {X509_V_ERR_INVALID_CA, "it was issued by what is no CA"},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, "its issuer may not be a CA's issuer"},
    {X509_V_ERR_INVALID_PURPOSE, "it is not for servers"},
    {X509_V_ERR_PERMITTED_VIOLATION, "its issuer may not vouch for this name"},
    {X509_V_ERR_EXCLUDED_VIOLATION, "its issuer may not vouch for this name"},
    {X509_V_ERR_HOSTNAME_MISMATCH, "it is for another name"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, "it is for another address"},
    {X509_V_ERR_EE_KEY_TOO_SMALL, "such a key can be broken"},
    {X509_V_ERR_CA_KEY_TOO_SMALL, "such a key can be broken"},
    {X509_V_ERR_CA_MD_TOO_WEAK, "such a signature can be forged"},
    {X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER, NOT_RFC_5280},
    {X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER, NOT_RFC_5280},
    {X509_V_ERR_EMPTY_SUBJECT_ALT_NAME, NOT_RFC_5280},
    {X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL, NOT_RFC_5280},
    {X509_V_ERR_CA_BCONS_NOT_CRITICAL, NOT_RFC_5280},
    {X509_V_ERR_CA_CERT_MISSING_KEY_USAGE, NOT_RFC_5280},
    {X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA, NOT_RFC_5280},
    {X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA, NOT_RFC_5280},
    {X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY, NOT_RFC_5280},
    {X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3, NOT_RFC_5280},
};

const char *
tls_bad_means(long error)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].error == error)
			return rows[i].means;
	}
	return "";
}
