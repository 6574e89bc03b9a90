# One HTTP answer: the products from PostgreSQL, and how often they were asked for, counted in Redis.
while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done

products=$(psql "$DATABASE_URL" -qAt -c "select name || ' ' || price from products order by name")
code=$?
visits=$(
  printf 'AUTH %s\r\nINCR visits\r\nQUIT\r\n' "$CACHE_PASSWORD" |
    nc "$CACHE_HOST" "$CACHE_PORT" | tr -d '\r' | sed -n 's/^://p'
)
if [ "$code" = 0 ] && [ -n "$visits" ]; then status="200 OK"; else status="503 Service Unavailable"; fi
printf 'HTTP/1.1 %s\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n' "$status"
printf '%s\nvisits %s\n' "$products" "$visits"
