/* pool/karizd_main.c - the pool daemon. It never holds a key that can spend. */
#include "conf/build.h"
#include "pool/pool.h"
#include "pool/settings.h"

#include <stdlib.h>
#include <string.h>

static void print_usage(FILE *to)
{
    fputs(
        "usage: karizd FILE            run with the settings in FILE\n"
        "       karizd --check FILE    check the settings and stop\n"
        "       karizd --settings      print the settings as a Markdown table\n"
        "       karizd --version | --help\n"
        "\n"
        "Runs in the foreground and logs to standard error. TERM or INT stops it, HUP\n"
        "makes it read the settings and certificates again.\n\n",
        to);
}

static int check(const char *path)
{
    struct conf *conf;
    struct conf_problem problem;
    if (settings_load(&conf, &problem, path) != KZ_OK) {
        conf_problem_print(stderr, &problem);
        return EXIT_FAILURE;
    }
    printf("%s: fine\n", path);
    conf_free(conf);
    return EXIT_SUCCESS;
}

static int run(const char *path)
{
    struct conf *conf;
    struct conf_problem problem;
    if (settings_load(&conf, &problem, path) != KZ_OK) {
        conf_problem_print(stderr, &problem);
        return EXIT_FAILURE;
    }
    struct pool *pool = NULL;
    enum kz_err err = pool_start(&pool, conf, build_commit());
    if (err == KZ_OK)
        err = pool_run(pool);
    pool_stop(pool);
    return err == KZ_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        conf_print_help(stdout);
        return EXIT_SUCCESS;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        build_print("karizd");
        return EXIT_SUCCESS;
    }
    if (argc == 2 && strcmp(argv[1], "--settings") == 0) {
        conf_print_markdown(stdout);
        return EXIT_SUCCESS;
    }
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        return check(argv[2]);
    if (argc == 2 && argv[1][0] != '-')
        return run(argv[1]);
    print_usage(stderr);
    return 2;
}
