"""A miner's record as an applicant gives it, right in each field of the Turkmen profile."""

import datetime

from . import bitcoin

SHA256 = "00112233445566778899aabbccddeeff" * 2
DECLARATIONS = ("no_hidden_mining", "equipment_lawful", "not_offshore", "not_listed",
                "power_and_fire_rules", "data_consent")


def record(miner, addresses=None, residency="resident", country="TM", **over):
    """Ready to be active; `over` takes the place of its fields, None takes them out."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    day = (today - datetime.timedelta(days=30)).isoformat()
    made = {
        "miner_id": miner,
        "kind": "legal_entity", "residency": residency, "residence_country": country,
        "official_name": "Works of " + miner,
        "tax_id": {"type": "TXID", "country": country, "value": tax_number(miner)},
        "registration_id": {"type": "RAID", "country": country, "authority": "Register",
                            "value": "R-" + miner},
        "legal_address": {"country": country, "city": "Anau", "street": "Bitarap 1"},
        "representative": {"name": "Maral Orazowa", "role": "director",
                           "phone": "+99312345678", "email": "maral@example.tm",
                           "language": "tk"},
        "beneficial_owners": [{
            "name": "Maral Orazowa", "country": country, "birth_date": "1980-02-29",
            "share_percent": "100", "control": "shares", "verified_on": day}],
        "certificate": {"number": "C-" + miner, "authority": "Central Bank",
                        "issued_on": day, "valid_until": None,
                        "verified": {"on": day, "by": "officer-1",
                                     "method": "seen_document"}},
        "sites": [{"id": "s1", "region": "TM-A", "address": "Anau, hall 3",
                   "supplier": "Ahalenergo", "contract": "E-5", "meter": "900",
                   "declared_kw": 500, "fire_safety_ref": "F-1", "from": day}],
        "equipment": [{"id": "e1", "site": "s1", "maker": "Bitmain", "model": "S21",
                       "serial": "SN-" + miner, "algorithm": "SHA256d",
                       "nominal_ghs": 200000, "power_w": 3500, "ownership": "owned",
                       "from": day}],
        "payout_addresses": [{"address": a}
                             for a in addresses or [bitcoin.demo_address(miner)]],
        "declarations": [{"code": code, "text_sha256": SHA256, "lang": "tk",
                          "at": day + "T00:00:00Z", "by": miner}
                         for code in DECLARATIONS],
        "risk": {"level": "normal", "reviewed_on": day,
                 "next_review": (today + datetime.timedelta(days=300)).isoformat()},
        "screening": {"lists": ["un"], "on": day, "result": "clear",
                      "decided_by": "officer-1"},
    }
    if residency != "resident":
        del made["sites"], made["equipment"][0]["site"]
    made.update(over)
    return {key: value for key, value in made.items() if value is not None}


def tax_number(miner):
    """Unique among the miners of a test, of digits alone."""
    return "%014d" % (int.from_bytes(bitcoin.sha256(miner.encode())[:8], "big") % 10**14)
