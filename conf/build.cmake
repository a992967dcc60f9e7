# Writes TO, a C file that says which commit SOURCE is at; not written again where it says so
# already. COMMIT says it for who builds from an archive. A SOURCE that only lies inside of
# another repository has no commit.
set(commit "${COMMIT}")
if(commit STREQUAL "" AND EXISTS "${SOURCE}/.git")
  execute_process(COMMAND git -C "${SOURCE}" describe --always --dirty --abbrev=40 --exclude=*
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(commit MATCHES "^[0-9a-f]+(-dirty)?$")
  set(value "\"${commit}\"")
else()
  set(value "NULL")
endif()
file(CONFIGURE OUTPUT "${TO}" @ONLY CONTENT [[
#include "conf/build.h"

#include <stdio.h>

const char *build_commit(void)
{
    return @value@;
}

void build_print(const char *program)
{
    const char *commit = build_commit();
    printf("%s " KARIZ_VERSION "%s%s%s\n", program, commit != NULL ? " (" : "",
           commit != NULL ? commit : "", commit != NULL ? ")" : "");
}
]])
