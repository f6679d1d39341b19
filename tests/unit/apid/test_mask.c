// SPDX-License-Identifier: Apache-2.0
// What replies hide.

#include "../../../daemons/apid/mask.h"
#include "../tap.h"
#include "base/json.h"

static const struct {
    const char *text, *shown;
} urls[] = {
    {"plain text", "plain text"},
    {"https://host/path?a=b", "https://host/path?a=b"},
    {"https://user:word@host/path", "https://***@host/path"},
    {"https://user:w@rd@host", "https://***@host"},
    {"https://host/a@b", "https://host/a@b"},
    {"https://h/i?X-Amz-Signature=abc&part=1", "https://h/i?X-Amz-Signature=***&part=1"},
    {"https://h/i?a=1&token=t&b=2#end", "https://h/i?a=1&token=***&b=2#end"},
    {"https://h/i?sig=abc", "https://h/i?sig=***"},
    {"https://h/?", "https://h/?"},
    {"a://", "a://"},
    {"provision https://u:w@h/i as w1, not http://x:y@z?sig=1 \"ftp://a@b\" or c@d",
     "provision https://***@h/i as w1, not http://***@z?sig=*** \"ftp://***@b\" or c@d"},
    {"https://h/?token=a b", "https://h/?token=*** b"},
    {"https://h/?a#token=x?sig=1", "https://h/?a#token=x?sig=1"},
    {"", ""},
};

int main(void)
{
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        CLEANUP_FREE char *shown = mask_url(urls[i].text);
        is_text(shown, urls[i].shown, "%s", urls[i].text);
    }
    ok(mask_name_is_secret("JOIN_TOKEN") && mask_name_is_secret("rootPassword") &&
           mask_name_is_secret("MOK_PASSWORD") && mask_name_is_secret("client_secret"),
       "names of secrets are known");
    ok(!mask_name_is_secret("REGION") && !mask_name_is_secret("KEYBOARD"), "others are not");
    CLEANUP_JSON json_t *value = json_loads("{\"driver\": \"x\", \"password\": \"p\", \"list\": "
                                            "[{\"apiToken\": 5, \"url\": \"http://a:b@c\"}]}",
                                            0, NULL);
    CLEANUP_JSON json_t *shown = mask_json(value);
    CLEANUP_FREE char *text = json_dumps(shown, JSON_COMPACT | JSON_SORT_KEYS);
    is_text(text,
            "{\"driver\":\"x\",\"list\":[{\"apiToken\":\"***\",\"url\":\"http://"
            "***@c\"}],\"password\":\"***\"}",
            "an object's secrets are masked at every depth");
    ok(!mask_is_in(value) && mask_is_in(shown), "a masked object is known again");
    return done();
}
