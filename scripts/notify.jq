# The outcome of a workflow's run, from its summary: the trouble, the page in Markdown with times in UTC,
# and the message for a webhook.

# A text as one line of code, in which Markdown and mentions have no effect.
def code: gsub("`"; "'") | [scan("\\S+")] | "`\(join(" "))`";
def thousands: tostring | [while(. != ""; .[:-3]) | .[-3:]] | reverse | join(",");
def row: "| \(join(" | ")) |";
def figures: [
    .platform, .newest_copy_taken_at, "\(.newest_copy_age_hours * 10 | round / 10) h",
    (.copies_read, .new_logins, .rejected_logins, .logins | thousands)
];
def table: select(. != []) | "",
    (["platform", "newest copy", "age", "copies read", "new logins", "rejected logins", "logins"] | row),
    "|---|---|---|---|---|---|---|", (.[] | figures | row), "";
def gap: "no copy between \(.gap_started_at) and \(.gap_ended_at)"
    + " (\(.gap_hours | round | thousands) hours, nights missed: \(.nights_missed // "?"))";

((try first(inputs) catch null) // {}) as $summary  # {} if a job was cancelled before it wrote one
| ($summary.platforms // []) as $platforms
# A cancelled job counts as failed, because a job that takes too long is cancelled.
| ([env.RESULTS | scan("(\\S+)=(\\S+)") | select(.[1] | . != "success" and . != "skipped")
    | "the job \(.[0]): \(.[1])"] + $summary.trouble) as $trouble
| "\(env.GITHUB_SERVER_URL)/\(env.GITHUB_REPOSITORY)" as $repository
| "\($repository)/actions/runs/\(env.GITHUB_RUN_ID)" as $run
| {
    $trouble, $summary, text: "\(env.TITLE): \($trouble | join("; "))\n\($run)", page: [
        "### \(env.GITHUB_WORKFLOW): \(if $trouble != [] then "needs a look" else $summary.outcome // "done" end)",
        "", ($trouble[] | "- **\(code)**"),
        ($platforms | table),
        ($platforms[] | "- \(.platform): \(.gaps[] | gap)"),
        ($summary.warnings[]? | "- warning: \(code)"),
        "", ([
            (env.SITE // "" | select(. != "") | "[The site](\(.))"),
            "[This run](\($run))",
            (select($trouble != []) | "[What to do](\($repository)/blob/HEAD/docs/runbook.md)")
        ] | join(" · "))
    ] | join("\n")
}
