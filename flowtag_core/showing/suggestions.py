"""Suggested tags for ports and protocols, which are applied only on request."""

from __future__ import annotations

from functools import cache
from typing import Final

from flowtag_core.iana import WITH_PORTS, protocol_name, protocol_number, service_name
from flowtag_core.tagging.lookup import parse_ports

# The services that usually run on common ports, which often differ from what was registered long ago.
_COMMON: Final = """
20/tcp ftp-data|21/tcp ftp|22/tcp ssh|23/tcp telnet|25/tcp smtp|53/tcp,udp dns|67-68/udp dhcp
69/udp tftp|80/tcp http|80/udp quic|88/tcp,udp kerberos|110/tcp pop3|111/tcp,udp rpcbind
123/udp ntp|135/tcp msrpc|137-138/udp netbios|139/tcp netbios|143/tcp imap|161/tcp,udp snmp
162/tcp,udp snmp-trap|179/tcp bgp|389/tcp,udp ldap|443/tcp https|443/udp quic|445/tcp smb
464/tcp,udp kerberos|465/tcp smtps|500/udp ipsec|514/tcp,udp syslog|515/tcp printing|546-547/udp dhcp
554/tcp rtsp|587/tcp submission|623/udp ipmi|631/tcp printing|636/tcp ldaps|853/tcp dns-tls
853/udp dns-quic|873/tcp rsync|989-990/tcp ftps|993/tcp imaps|995/tcp pop3s|1080/tcp socks
1194/tcp,udp openvpn|1433/tcp mssql|1434/udp mssql|1521/tcp oracle|1645-1646/udp radius
1701/udp l2tp|1723/tcp pptp|1812-1813/udp radius|1883/tcp mqtt|1900/udp ssdp|1935/tcp rtmp
2049/tcp,udp nfs|2181/tcp zookeeper|2222/tcp ssh-alt|2375-2376/tcp docker|2377/tcp docker-swarm
2379-2380/tcp etcd|2888/tcp zookeeper|3000/tcp grafana|3128/tcp squid|3260/tcp iscsi
3268-3269/tcp ldap-gc|3306/tcp mysql|3389/tcp,udp rdp|3478/tcp,udp stun|3888/tcp zookeeper
4222/tcp nats|4317-4318/tcp otlp|4369/tcp epmd|4500/udp ipsec|4789/udp vxlan|5000/tcp http-alt
5044/tcp logstash|5060/tcp,udp sip|5061/tcp sips|5222/tcp xmpp|5353/udp mdns|5355/udp llmnr
5432/tcp postgres|5439/tcp redshift|5601/tcp kibana|5666/tcp nrpe|5671-5672/tcp rabbitmq
5900-5903/tcp vnc|5938/tcp,udp teamviewer|5985-5986/tcp winrm|6000-6063/tcp x11|6081/udp geneve
6379/tcp redis|6432/tcp pgbouncer|6443/tcp kubernetes|6514/tcp syslog-tls|6831-6832/udp jaeger
7000-7001/tcp cassandra|7077/tcp spark|7474/tcp neo4j|7687/tcp neo4j|7946/tcp,udp docker-swarm
8000/tcp http-alt|8009/tcp ajp|8020/tcp hdfs|8080-8081/tcp http-alt|8086/tcp influxdb|8088/tcp yarn
8089/tcp splunk|8123/tcp clickhouse|8125/udp statsd|8140/tcp puppet|8161/tcp activemq|8200/tcp vault
8300-8302/tcp consul|8301-8302/udp consul|8443/tcp https-alt|8472/udp vxlan|8500/tcp consul
8600/tcp,udp consul|8883/tcp mqtt-tls|8888/tcp http-alt|8983/tcp solr|9000/tcp http-alt
9042/tcp cassandra|9083/tcp hive|9090/tcp prometheus|9092-9094/tcp kafka|9096/tcp kafka
9098/tcp kafka|9100/tcp node-exporter|9200/tcp elasticsearch|9300/tcp elasticsearch
9411/tcp zipkin|9418/tcp git|9440/tcp clickhouse|9443/tcp https-alt|9870/tcp hdfs|9997/tcp splunk
10000/tcp hive|10050-10051/tcp zabbix|10250/tcp kubelet|10255/tcp kubelet|10256/tcp kube-proxy
11211/tcp,udp memcached|15672/tcp rabbitmq|16379/tcp redis|24224/tcp,udp fluentd|25672/tcp rabbitmq
26379/tcp redis|27017-27019/tcp mongodb|28015/tcp rethinkdb|33060/tcp mysql|41641/udp tailscale
50000/tcp db2|50051/tcp grpc|51820/udp wireguard|61613-61614/tcp activemq|61616/tcp activemq
"""


def suggestion(port: int, protocol: int) -> str:
    """Return one word for the service that probably runs on a port (0-65535) of a protocol number.

    It comes from a short list of common ports, or else from IANA's registry, or else it is like
    `tcp-9092`. For a protocol without ports, it is the protocol's keyword.
    """
    name = protocol_name(protocol)
    if protocol not in WITH_PORTS:
        return f"protocol-{name}" if name.isdecimal() else name.replace(" ", "-")
    return usual_service(port, protocol) or f"{name}-{port}"


def usual_service(port: int, protocol: int) -> str:
    """Return one word for the service that usually runs on a port of a protocol number, or "" if none does."""
    return common().get((port, protocol)) or service_name(port, protocol) or ""


@cache
def common() -> dict[tuple[int, int], str]:
    """Return the usual service on each common port, by (port, protocol number)."""
    names: dict[tuple[int, int], str] = {}
    for entry in _COMMON.replace("\n", "|").strip("|").split("|"):
        key, name = entry.split(" ")
        ports, _, protocols = key.partition("/")
        found = parse_ports(ports)
        for protocol in map(protocol_number, protocols.split(",")):
            if found is None or protocol is None:
                raise ValueError(entry)
            names |= {(port, protocol): name for port in range(found.low, found.high + 1)}
    return names
