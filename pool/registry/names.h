/* pool/registry/names.h - words that a miner's name may not have.
 *
 * A profile lists stems by language ("turkmen", "государств") and abbreviations ("нац").
 * A stem is found where a word begins with it, an abbreviation where a word is it, both
 * after folding (pool/registry/fold.h). A letter of a stem may be met by its look or by
 * its sound, each on its own, so alphabets may be mixed within a word; letters of an
 * abbreviation by sound alone: three letters look like too many others.
 *
 * What is found is a question for a person and never a refusal: "Statesman" begins with
 * "state", and only somebody who reads can say that it is fine. So the rules rather find
 * too much than too little.
 *
 * A hit's word is part of the name. Where the name is a person's, it is personal data.
 *
 * Thread  any. Pure. Source: registry spec section 5, law No. 298 (names of miners). */
#ifndef POOL_REGISTRY_NAMES_H
#define POOL_REGISTRY_NAMES_H

#include "pool/registry/profile.h"

#define NAMES_WORD_SIZE 96
#define NAMES_STEM_MAX  60 /* bytes of a stem, as folded either way */

struct names_hit {
    const char *lang, *stem;    /* the profile's */
    size_t at;                  /* where in the name, in bytes */
    char word[NAMES_WORD_SIZE]; /* of the name, from where the stem begins to a blank */
};

/* Fills at most `max` hits and returns how many, in the profile's order. In one place of
 * the name a language hits once, by the first of its stems and abbreviations that fits;
 * each of them hits in its first place. `name` is UTF-8 and bounded by the caller. */
size_t names_check(struct names_hit *hits, size_t max, const struct profile *p,
                   const char *name);

/* Whether `text` can be a stem: two letters or more, no blank within, not too long. */
bool names_is_stem(const char *text);

#endif
