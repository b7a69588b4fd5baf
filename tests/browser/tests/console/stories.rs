//! What a person does in each view, and what has to come of it.

use browser::{Page, Scheme};
use serde_json::json;

/// Keys by WebDriver's names.
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const HOME: &str = "\u{e011}";
const LEFT: &str = "\u{e012}";
const DOWN: &str = "\u{e015}";

/// The views, and what each says once it has read what it shows.
const VIEWS: [(&str, &str); 5] = [
    ("home", "Latest events"),
    ("streams", "streams"),
    ("rows", "last_order"),
    ("rebuild", "Generations"),
    ("waiting", "Ledger of a gateway"),
];

/// The dead letter of the system.
const LETTER: &str = "aws/lambda/sample/";

/// The most requests that Home may take, beside the page's own files.
const MOST: u64 = 10;

/// What the page's modules make of values that a view does not show at once.
pub async fn modules(page: &Page<'_>) {
    let checks = "return (async () => {
        const { changes, lines } = await import('/console/diff.js');
        const { placed } = await import('/console/streams/trace.js');
        const { followed, found } = await import('/console/health.js');
        const { merged } = await import('/console/home/incidents.js');
        const { rfc3339 } = await import('/console/time.js');
        const { EMPTY, request } = await import('/console/rebuild/request.js');
        const wrong = [];
        const is = (what, found, wanted) => {
            const [a, b] = [found, wanted].map((value) => JSON.stringify(value));
            if (a !== b) wrong.push(`${what}: ${a} is not ${b}`);
        };
        is('an item that is added does not move the others',
            changes({ a: [1, 2, 3] }, { a: [1, 9, 2, 3] }).map(({ path, after }) => [path, after]),
            [['a[1]', 9]]);
        is('a member that is gone', changes({ a: 1 }, {}).length, 1);
        is('a row that began', lines(undefined, { a: 1 }).map(({ sign }) => sign), ['+', '+', '+']);
        const event = (at, cause) => ({ at, cause, event: { position: 1 } });
        is('a cause stands before its consequences',
            placed([event('a', null), event('b', 'a'), event('c', 'a'), event('d', 'b')])
                .map(({ at, branches }) => [at, branches]),
            [['a', []], ['b', [true]], ['d', [true, false]], ['c', [false]]]);
        const begun = followed([], [{ key: 'x' }, { key: 'y', since: 3 }], 1);
        is('what tells its time keeps it', begun.map(({ since }) => since), [1, 3]);
        is('what goes on keeps its time', followed(begun, [{ key: 'x' }], 5), [{ key: 'x', since: 1 }]);
        is('what comes again begins anew', followed(followed(begun, [], 5), [{ key: 'x' }], 9)[0].since, 9);
        const kept = (what, since, until) => ({ id: what, kind: 'dead-letter', what, why: 'kept', since, until });
        const now = (what, since) => ({ kind: 'dead letter', what, why: 'now', since, key: `dead letter: ${what}` });
        is('what is recorded stands once, and what is open first',
            merged([kept('late', '2026-01-04'), kept('over', '2026-01-05', '2026-01-06')],
                [now('late', Date.parse('2026-01-03')), now('over', Date.parse('2026-01-02'))])
                .map(({ kind, what, why, until }) => [kind, what, why, Boolean(until)]),
            [['dead letter', 'late', 'kept', false], ['dead letter', 'over', 'now', false], ['dead letter', 'over', 'kept', true]]);
        const read = (path) => fetch(path).then((answer) => answer.json());
        const { incidents } = await read('/incidents');
        const keys = found(await read('/health')).map(({ key }) => key);
        const open = incidents.filter(({ until }) => !until).map(({ kind, what }) => `${kind.replaceAll('-', ' ')}: ${what}`);
        is('a dead letter and a conflict are recorded', open.length >= 2, true);
        is('what is recorded has the names of what is found', open.filter((key) => !keys.includes(key)), []);
        is('a position to the microsecond', rfc3339(1795258544780186), '2026-11-21T10:55:44.780186Z');
        is('only what is given is asked for',
            request(['carts'], { ...EMPTY, versionsTo: '100' }),
            { to: [{ projection: 'carts' }], what: { versions: { to: 100 } } });
        return wrong;
    })()";
    assert_eq!(page.run(checks, &json!([])).await, json!([]));
}

/// The state of everything is there with few requests, and an alert says what to do.
pub async fn home(page: &Page<'_>) {
    page.open("").await;
    page.see("conflict").await;
    page.see("Tell the client's owner.").await;
    page.find(".status li", "basic-sum@1").await;
    page.find(".events li", "call-requested").await;
    page.find(".incidents", "rewind-conflicts").await;
    page.find(".incidents", LETTER).await;
    let asked = "return performance.getEntriesByType('resource')
        .filter((one) => one.initiatorType === 'fetch').length";
    let asked = page.run(asked, &json!([])).await;
    assert!(asked.as_u64() <= Some(MOST), "Home takes {asked} requests");
    page.picture("home").await;
}

/// By keys alone: a stream is found, and an event with its causes. By clicks, an
/// event is taken back, once it was shown what that changes.
pub async fn streams(page: &Page<'_>) {
    page.press(&["g", "s"]).await;
    page.find(".finder .list-row", "cart-456").await;
    page.press(&["/"]).await;
    page.press(&["c", "a", "r", "t", "-", "4"]).await;
    page.see("1 streams").await;
    page.press(&[ESCAPE]).await;
    page.focus(".finder .list").await;
    page.press(&[ENTER]).await;
    page.find("h1", "cart-456").await;
    page.find(".stream-parts .list-row", "order-placed").await;
    page.focus(".stream-parts .list").await;
    page.press(&[HOME]).await;
    page.find(".event h2", "cart-456@4").await;
    page.find(".trace li", "input:shop-456@4").await;
    page.find(".trace li.is-here", "order-placed").await;
    page.find(".trace li", "order-opened").await;
    page.picture("streams").await;

    page.open("#/streams/poll-lunch?at=5").await;
    page.click("button", "Reverse…").await;
    page.see("3 rows change").await;
    page.find("td.is", "119").await;
    page.fill("[name=reason]", "not a guest").await;
    page.fill("[name=by]", "ann").await;
    page.picture("reversal").await;
    page.click("button", "Record the reversal").await;
    page.find(".event .note", "poll-lunch@121 of ann: not a guest")
        .await;
}

/// The slider goes through the versions of a row, and each step shows what an event
/// has changed.
pub async fn rows(page: &Page<'_>) {
    page.open("#/rows/basic-sum/lunch").await;
    page.see("version 121 of 121").await;
    page.focus("input[type=range]").await;
    page.press(&[LEFT]).await;
    page.see("version 120 of 121").await;
    page.find(".made-by", "poll-lunch@120").await;
    page.find(".changes td.is", "120").await;
    page.find(".json .is-added", "120").await;
    page.picture("rows").await;

    page.open("#/rows/products").await;
    page.find(".finder .list-row", "123").await;
    page.focus(".finder .list").await;
    page.press(&[DOWN, ENTER]).await;
    page.see("Many streams change it").await;
    // Its only event lies behind those that the slider begins with.
    page.open("#/rows/products/124").await;
    page.see("0 steps of the latest 100 events").await;
    page.click("button", "Earlier events").await;
    page.see("1 step of the latest 114 events").await;
    page.find(".made-by", "cart-456@3").await;
    let has_more = "return document.body.innerText.includes('Earlier events')";
    assert_eq!(page.run(has_more, &json!([])).await, false);
    page.picture("rows-shared").await;

    page.open("#/rows/applications").await;
    page.find(".list-foot", "2 rows").await;
    let owner = "[aria-label='Exact owner']";
    for (name, key, foot) in [("ann", "7", "1 row"), ("bob", "8", "1 row")] {
        page.fill(owner, name).await;
        page.find(".list-foot", foot).await;
        page.find(".finder .list-row .key", key).await;
        let others = "return document.querySelectorAll('.finder .list-row').length";
        assert_eq!(page.run(others, &json!([])).await, 1, "{name}");
    }
    page.fill(owner, "an").await;
    page.see("No rows whose owner is this.").await;
    // Out of the field, so that keys are the page's.
    page.press(&[ESCAPE]).await;
}

/// A projection is rebuilt beside the one that serves, compared, activated, rolled
/// back and dropped. Each step says before what it does.
pub async fn rebuild(page: &Page<'_>) {
    page.press(&["g", "b"]).await;
    page.click("input[value=basic-sum]", "").await;
    page.click("button", "Dry run").await;
    page.find(".figures dd", "121").await;
    page.find(".figures dd", "$0.0000").await;
    page.click("summary", "How:").await;
    page.click("input[value=by-hand]", "").await;
    page.click("button", "Start…").await;
    page.see("generation 2 is filled").await;
    page.click("button", "Start it").await;
    page.click(".playbacks a", "Compare, then activate").await;
    page.find(".comparison th", "basic-sum@2").await;
    page.find(".held", "different in both").await;
    page.picture("rebuild").await;

    page.click(".comparison button", "Activate 2…").await;
    page.see("No row differs").await;
    page.click("button.primary", "Activate").await;
    page.click(".generations button", "Roll back to 1…").await;
    page.see("Generation 2 stays").await;
    page.click("button.primary", "Roll back").await;
    page.click(".generations button", "Drop 2…").await;
    page.see("The events stay").await;
    page.click("button.grave", "Drop").await;
    page.see("basic-sum@2 is dropped.").await;

    // All that was done is told on Home, and that the program runs at all.
    page.open("").await;
    page.find(".operations li", "dropped").await;
    page.find(".operations li", "reversed").await;
    page.find(".operations li", "deployedversion 2").await;
    page.picture("home-operations").await;
}

/// What is due, what waits for the outside, what a command has come to, a
/// comparison that finds nothing to send, and a dead letter that is dealt with.
pub async fn waiting(page: &Page<'_>) {
    page.press(&["g", "w"]).await;
    page.find(".deadlines tr", "checkout").await;
    page.find(".calls tr", "GATEWAYS names no gateway payments")
        .await;
    page.find(".ledger-list li", "gateway:payments-7@1").await;
    page.fill("[name=command]", "first").await;
    page.press(&[ENTER]).await;
    page.find(".commands .tag", "applied").await;
    page.click("button", "Compare mail…").await;
    page.see("Nothing is sent until you approve").await;
    page.click("button.primary", "Compare").await;
    page.find(".differences", "Nothing differs.").await;
    page.find(".dead-letters li", LETTER).await;
    page.picture("waiting").await;
    page.click(".dead-letters button", "Mark as handled…").await;
    page.see("Its object stays in the bucket").await;
    page.click("button.primary", "Mark as handled").await;
    page.find(".dead-letters", "No trigger has given up on a batch.")
        .await;
    page.open("").await;
    page.find(".operations li", "handled").await;
    page.click(".operations a", LETTER).await;
    page.find(".dead-letters", "No trigger has given up on a batch.")
        .await;
}

/// Each view in the dark, and in a narrow window, where nothing is cut off.
pub async fn other_looks(page: &Page<'_>) {
    for (name, width, height, scheme) in [
        ("dark", 1440, 900, Scheme::Dark),
        ("narrow", 360, 800, Scheme::Light),
    ] {
        page.look(width, height, scheme).await;
        for (view, says) in VIEWS {
            page.open(&format!("#/{view}")).await;
            page.see(says).await;
            let is_wider = "return document.documentElement.scrollWidth > innerWidth";
            let is_wider = page.run(is_wider, &json!([])).await;
            assert_eq!(is_wider, false, "{view} is wider than {width} pixels");
            page.picture(&format!("{view}-{name}")).await;
        }
    }
}
