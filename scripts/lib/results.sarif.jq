# SARIF 2.1.0, as code scanning reads it: a rule a kind, a result a finding.
def kinds: [.findings[].kind] | unique;
def place: capture("^(?<file>.+):(?<line>[0-9]+)$") // {file: "", line: "1"};
def region:
  (.where | place) as $p
  | {
      physicalLocation: {
        artifactLocation: {
          uri: (if $p.file != "" then $p.file
                elif .fuzzer | contains(".")
                then "target/programs/framed_\(.fuzzer | split(".")[0]).c"
                else "fuzzers/\(.fuzzer).c" end),
          uriBaseId: "ROOT"
        },
        region: { startLine: ($p.line | tonumber) }
      }
    };

{
  "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
  version: "2.1.0",
  runs: [{
    tool: { driver: {
      name: "sockfault",
      semanticVersion: "0.1.0",
      rules: (kinds | map({
        id: "sockfault/\(.)",
        name: (split("-") | map((.[0:1] | ascii_upcase) + .[1:]) | join("")),
        shortDescription: { text: "sockfault found: \(.)." },
        fullDescription: {
          text: "A fuzz target or a run under the fault injector ended with \(.)."
        },
        help: { text: "Replay the finding with scripts/repro; its folder is an artifact of the run." },
        defaultConfiguration: { level: "error" },
        properties: { tags: ["fuzzing", "sockets"] }
      }))
    } },
    originalUriBaseIds: {
      ROOT: { description: { text: "The root of the repository." } }
    },
    columnKind: "utf16CodeUnits",
    results: (kinds as $kinds | .findings | map({
      ruleId: "sockfault/\(.kind)",
      ruleIndex: (.kind as $k | $kinds | index($k)),
      level: (if .known then "note" else "error" end),
      message: {
        text: "\(.message). \(.fuzzer), reproduced \(.reproduced) of \(.replays); scripts/repro \(.folder)."
      },
      locations: [region],
      partialFingerprints: {
        "primaryLocationLineHash": "\(.signature):1",
        "sockfaultSignature/v1": .signature
      }
    }))
  }]
}
