#!/bin/sh
# Builds and tests the Java package, with the Java of the path and, for
# java.lang.foreign, with a JDK 22 or later that is beside it.
#
#   sh capi/examples/java/run.sh BUILD test|bench|jar DIR
#
# BUILD holds libmaskinporten.so and the command maskinporten. JAVA_HOME is
# obeyed; JDK22 names the folder of the other JDK if it is not found. Maven
# fetches what the pom pins at the first run, and after that works without a
# network.
set -eu
build=$(cd "${1:?the build directory}" && pwd)
[ $# -lt 3 ] || out=$(cd "$3" && pwd)
cd "$(dirname "$0")"

# major HOME: the major version of a JDK, or nothing.
major() { sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release" 2>/dev/null || true; }

# The first JDK 22 or later of those that this machine has.
newer() {
  for home in "${JDK22:-}" "${JAVA_HOME:-}" /usr/lib/jvm/* /opt/java/* /Library/Java/JavaVirtualMachines/*/Contents/Home; do
    version=$(major "$home")
    if [ -x "$home/bin/javac" ] && [ "${version:-0}" -ge 22 ]; then
      echo "$home"
      return
    fi
  done
}

# Quiet but for the tests.
maven() {
  mvn -B -q -ntp -Dmaskinporten.build="$build" -Dorg.slf4j.simpleLogger.log.org.apache.maven.plugin.surefire=info "$@"
}

# bench HOME BACKEND: rows of the table.
bench() {
  rm -rf target/bench && mkdir -p target/bench
  sources=src/bench/java/io/github/maskinportencore/Bench.java
  classes=target/classes:target/test-classes:target/bench access=
  if [ "$(major "$1")" -ge 22 ]; then
    sources="$sources src/bench/java22/io/github/maskinportencore/BareForeign.java"
    classes=$classes:target/classes/META-INF/versions/22 access=--enable-native-access=ALL-UNNAMED
  fi
  "$1/bin/javac" -d target/bench -cp "$classes:target/lib/*" $sources
  MASKINPORTEN_LIBRARY=$build/libmaskinporten.so MASKINPORTEN_COMMAND=$build/maskinporten \
    "$1/bin/java" $access -Dmaskinporten.backend="$2" -cp "$classes:target/lib/*" io.github.maskinportencore.Bench
}

javac=$(command -v "${JAVA_HOME:+$JAVA_HOME/bin/}javac" || true)
default=$(dirname "$(dirname "$(readlink -f "${javac:-/none/bin/javac}")")")
foreign=$(newer)

case ${2:-test} in
jar)
  # For the demo. Without the tools there is none, and why is said; on a CI machine that is a failure.
  if command -v javac >/dev/null && command -v mvn >/dev/null && maven -DskipTests package; then
    cp -R target/maskinporten.jar target/lib "$out"
  else
    echo "Java: left out, it needs a JDK 17 or later, Maven, and at the first run a network" >&2
    [ "${CI:-}" != true ]
  fi
  ;;
test)
  echo "Java $(major "$default"):"
  maven verify
  if [ -n "$foreign" ] && [ "$foreign" != "$default" ]; then
    echo
    echo "Java $(major "$foreign"), with java.lang.foreign:"
    JAVA_HOME=$foreign maven verify
  elif [ -z "$foreign" ]; then
    echo "No JDK 22 or later is on this machine: java.lang.foreign is not tested." >&2
    [ "${CI:-}" != true ]
  fi
  ;;
bench) # only rows go to stdout
  maven -DskipTests package >&2
  bench "$default" jna
  if [ -n "$foreign" ]; then
    JAVA_HOME=$foreign maven -DskipTests package >&2
    bench "$foreign" ffm
  fi
  ;;
*)
  echo "what is $2?" >&2
  exit 2
  ;;
esac
