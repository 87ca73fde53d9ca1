# SPDX-License-Identifier: MIT
# Usage: awk -v lines=2400 [-v seed=1] -f generate.awk </dev/null
# Writes an access log in the combined format, the same for the same seed with any awk: a working
# day of a small shop with everything that makes such logs hard. IPv6 clients, escaped quotes, long
# agents, fields that are "-", methods beyond GET, bytes of a TLS handshake where a request should
# be, other time zones; and about one line in 300 that isn't in the format at all.

# Park and Miller's generator: every product stays exact in a double.
function random(n) { state = (state * 16807) % 2147483647; return state % n }
function chance(percent) { return random(1000) < percent * 10 }
function pick(words,   list, n) { n = split(words, list, "|"); return list[1 + random(n)] }
function hex(digits,   text) { while (digits-- > 0) text = text substr("0123456789abcdef", 1 + random(16), 1); return text }

function client(   kind) {
    kind = random(100)
    if (kind < 70) return (1 + random(223)) "." random(256) "." random(256) "." (1 + random(254))
    if (kind < 85) return "2001:db8:" hex(4) ":" hex(4) "::" hex(3)
    if (kind < 90) return "fe80::" hex(4) ":" hex(4) ":" hex(4) ":" hex(4)
    if (kind < 93) return "::ffff:192.0.2." random(256)
    return pick("crawler-07.example.net|proxy.example.org|localhost|10.0.0.7")
}

function user() {
    if (chance(88)) return "-"
    return pick("alice|bob|o'brien|mar\\xc3\\xada|svc-backup|j.smith@example.com|root")
}

function when(   day, s, zone) {
    clock += random(30)
    day = 23 + int(clock / 86400); s = clock % 86400
    zone = chance(96) ? "+0000" : pick("+0200|-0500|+0530|+1245")
    return sprintf("%02d/Nov/2026:%02d:%02d:%02d %s", day, int(s / 3600), int(s / 60) % 60, s % 60, zone)
}

function path(   kind) {
    kind = random(100)
    if (kind < 30) return "/products/" (1000 + random(9000)) pick("|/reviews|/images/" random(9) ".jpg|?ref=mail")
    if (kind < 45) return "/static/" pick("app|vendor|theme") "." hex(8) pick(".js|.css|.woff2|.map")
    if (kind < 60) return "/api/v" (1 + random(3)) "/" pick("cart|orders|users|search") "?id=" random(100000) "&sort=" pick("price|-date|name%20asc")
    if (kind < 70) return "/search?q=" pick("caf%C3%A9|%22quoted%22|a+b|100%25|%E6%97%A5%E6%9C%AC|\\\"raw\\\"|back\\\\slash")
    if (kind < 75) return "/" pick("wp-login.php|.env|.git/config|cgi-bin/test.cgi|phpmyadmin/")
    if (kind < 78) return "/download/" hex(64) "/" hex(64) "?token=" hex(128)
    if (kind < 80) return "http://example.com/" hex(4)
    return pick("/|/index.html|/favicon.ico|/robots.txt|/about|/basket|/login|*")
}

function agent(   kind, text, n) {
    kind = random(100)
    if (kind < 6) return "-"
    if (kind < 50) return "Mozilla/5.0 (" pick("Windows NT 10.0; Win64; x64|X11; Linux x86_64|Macintosh; Intel Mac OS X 10_15_7|iPhone; CPU iPhone OS 17_0 like Mac OS X") ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/" (90 + random(50)) ".0." random(5000) "." random(200) " Safari/537.36"
    if (kind < 70) return "Mozilla/5.0 (X11; Linux x86_64; rv:" (90 + random(50)) ".0) Gecko/20100101 Firefox/" (90 + random(50)) ".0"
    if (kind < 85) return pick("curl/7.88.1|Wget/1.21.3|Go-http-client/1.1|python-requests/2.28.1|Googlebot/2.1 (+http://www.google.com/bot.html)|kube-probe/1.27|ELB-HealthChecker/2.0")
    if (kind < 92) return "App/3." random(20) " (\\\"" pick("Pixel 8|Galaxy S24|moto g(60)") "\\\"; build " random(9999) ")"
    if (kind < 95) return pick("Caf\303\251Bot/1.0|\346\227\245\346\234\254\350\252\236/2.0|tab\\there")
    text = "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0"
    for (n = 4 + random(24); n > 0; n--) text = text "; .NET CLR " (1 + random(4)) ".0." random(60000)
    return text ")"
}

function request(   method) {
    method = chance(78) ? "GET" : pick("POST|HEAD|PUT|DELETE|OPTIONS|PATCH|PROPFIND|REPORT|M-SEARCH")
    return method " " path() " HTTP/" pick("1.1|1.1|1.1|2.0|1.0|3.0")
}

function status() {
    return chance(75) ? 200 : pick("301|302|304|400|401|403|404|404|429|499|500|502|503|504|206|101")
}

function line(   code, size, referer, tail) {
    tail = client() " - " user() " [" when() "] \""
    if (chance(1)) return tail pick("\\x16\\x03\\x01\\x02|\\x00\\x0e8\\xd5|-") "\" " pick("400|408") " " random(500) " \"-\" \"-\""
    code = status()
    size = code == 304 || code == 101 ? "-" : chance(97) ? random(60000) : sprintf("%.0f", 4294967296 + random(100000))
    referer = chance(45) ? "-" : pick("https://shop.example/|https://www.example.com/search?q=weir|http://forum.example.org/t/" random(9999) "|android-app://com.example|https://shop.example/say/\\\"hi\\\"")
    return tail request() "\" " code " " size " \"" referer "\" \"" agent() "\""
}

# Lines that no access log should have, and every one has in the end.
function noise(   kind) {
    kind = noises++ % 5
    if (kind == 0) return substr(line(), 1, 40 + random(60))
    if (kind == 1) return "[Mon Nov 23 10:00:00.123456 2026] [core:error] [pid 1234] AH00126: Invalid URI in request"
    if (kind == 2) return "--- log rotated ---"
    if (kind == 3) return client() " - - [not a time] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\""
    return client() " - - [" when() "] \"GET / HTTP/1.1\" two-hundred 5 \"-\" \"-\""
}

BEGIN {
    if (!lines) lines = 2400
    state = 1 + (seed ? seed : 1) * 7919 % 2147483646
    for (i = 0; i < 20; i++) random(2)
    clock = 28800
    for (i = 1; i <= lines; i++) print (i % 300 == 77 ? noise() : line())
}
