#include "pool/registry/record_bare.h"

#include "pool/registry/record_fields.h"

static json_t *bare_addresses(const json_t *list)
{
    size_t i;
    json_t *one, *bare = json_array();
    json_array_foreach((json_t *)list, i, one)
    {
        const json_t *to = json_object_get(one, "to");
        if (to == NULL || json_is_null(to))
            json_array_append_new(
                bare, json_pack("{s:O*}", "address", json_object_get(one, "address")));
    }
    return bare;
}

json_t *record_bare(const json_t *record)
{
    json_t *bare = json_object();
    for (const struct record_field *f = record_fields(); f->name != NULL; f++) {
        json_t *value = json_object_get(record, f->name);
        if (value != NULL && record_field_is_given(f))
            json_object_set_new(bare, f->name, json_deep_copy(value));
    }
    const json_t *list = json_object_get(bare, "payout_addresses");
    if (json_is_array(list))
        json_object_set_new(bare, "payout_addresses", bare_addresses(list));
    return bare;
}
