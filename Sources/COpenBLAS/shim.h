// OpenBLAS' header folder is not on the default path on every system; pkg-config puts it there.
#include <cblas.h>
