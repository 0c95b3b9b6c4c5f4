// SHA-256 by its own functions: those that find it by name bring all of libcrypto into a static program.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>
