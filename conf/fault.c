#include "conf/fault.h"

#ifdef KARIZ_FAULTS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* What counts passings must outlive every caller and belong to none: the one variable of
 * a test build that no struct owns. */
static atomic_int passed; /* allowed: see above */

void fault_point(const char *name)
{
    const char *wanted = getenv("KARIZ_FAULT");
    size_t len = strlen(name);
    if (wanted == NULL || strncmp(wanted, name, len) != 0 || wanted[len] != ':')
        return;
    if (atomic_fetch_add(&passed, 1) + 1 != atoi(wanted + len + 1)) /* allowed: test */
        return;
    raise(strstr(wanted + len, ":stop") != NULL ? SIGSTOP : SIGKILL);
}

#else
typedef int fault_is_not_built; /* a file must hold something */
#endif
