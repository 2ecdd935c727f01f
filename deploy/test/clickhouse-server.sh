# A ClickHouse for a test of its own, on loopback: to be sourced, with the directory
# of the test in $dir and a free port in $port. Debian's 18.16 or later.
url="http://127.0.0.1:$port/"
user=bw:secret

cat >"$dir/users.xml" <<-XML
	<yandex><profiles><default/></profiles><quotas><default/></quotas>
	<users><bw><password>secret</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></bw></users></yandex>
XML
cat >"$dir/config.xml" <<-XML
	<yandex><logger><level>warning</level><log>$dir/log</log><errorlog>$dir/errors</errorlog></logger>
	<http_port>$port</http_port><listen_host>127.0.0.1</listen_host><timezone>UTC</timezone>
	<mark_cache_size>268435456</mark_cache_size><path>$dir/data/</path><tmp_path>$dir/tmp/</tmp_path>
	<users_config>$dir/users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database></yandex>
XML
mkdir "$dir/data" "$dir/tmp"

# serve starts it in the background; its process is $server.
serve() {
	clickhouse-server --config-file="$dir/config.xml" >>"$dir/out" 2>&1 &
	server=$!
}

# created waits until it answers and makes the table of docs/clickhouse.md.
created() {
	curl -sS --retry 60 --retry-delay 1 --retry-connrefused "$url" >/dev/null
	block 'CREATE TABLE' | ask
}

# ask sends standard input as a query, with the parameters of an address.
ask() { curl -sS --fail-with-body -u "$user" "$url?allow_experimental_low_cardinality_type=1&${1:-}" --data-binary @-; }

# block is the query in docs/clickhouse.md that begins so.
block() { sed -n "/^$1/,/^\`\`\`/p" docs/clickhouse.md | sed '$d'; }
