#include "pool/guide_parts.h"

#include <string.h>

static void skip_line(FILE *in)
{
    int c;
    do
        c = fgetc(in);
    while (c != EOF && c != '\n');
}

enum kz_err guide_read_line(char line[GUIDE_LINE_SIZE], const struct guide *g)
{
    fflush(g->out);
    for (;;) {
        if (fgets(line, GUIDE_LINE_SIZE, g->in) == NULL)
            return KZ_EMPTY;
        size_t len = strlen(line);
        if (len < GUIDE_LINE_SIZE - 1 || line[len - 1] == '\n')
            break;
        skip_line(g->in);
        fprintf(g->out, "  ! %s\n", words_say(g->words, "That line is too long."));
    }
    size_t begin = strspn(line, " \t\r\n"), end = strlen(line);
    while (end > begin && strchr(" \t\r\n", line[end - 1]) != NULL)
        end--;
    memmove(line, line + begin, end - begin);
    line[end - begin] = '\0';
    return KZ_OK;
}

/* Whether `word` is one of a list with blanks between. */
static bool is_listed(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = list; len > 0 && *p != '\0';) {
        size_t n = strcspn(p, " ");
        if (n == len && strncmp(p, word, len) == 0)
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

enum kz_err guide_yes(bool *yes, const struct guide *g, const char *question)
{
    char line[GUIDE_LINE_SIZE];
    fprintf(g->out, "%s [%s] ", words_say(g->words, question),
            words_say(g->words, "y/N"));
    enum kz_err err = guide_read_line(line, g);
    if (err != KZ_OK)
        return err;
    *yes = is_listed("y Y yes Yes YES", line) ||
           is_listed(words_say(g->words, "y Y yes Yes"), line);
    return KZ_OK;
}
