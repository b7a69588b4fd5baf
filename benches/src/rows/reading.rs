//! Row 5: history read for a playback, and what the rows of a rebuild cost.

use super::append::{record, unsafe_puts};
use crate::{
    Plan, Result,
    contenders::Script,
    cpu,
    engine::Engine,
    meter::Meter,
    table::{Figure, Line, Target as Bound},
};
use aws_smithy_http_client::Builder;
use futures::{StreamExt, TryStreamExt};
use instructions::{Ids, events_from, recorded};
use rewind::{
    CloudEvent, Delivery, Envelope, Event, RecordedEvent, Rejection, Selection, Service,
    SingleStreamProjection, Target,
    stream::{PARTITIONS, partition_name},
};
use rewind_aws::{
    data_table::{
        data_store::DataStore,
        key::Key,
        row::{Row, Written},
    },
    event_table::event_store::EventStore,
    history::partition::{self, PAGE},
    project::projector::Projector,
    sequence::sequencer::Sequencer,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Events of history, of these many streams, ten in a commit.
const EVENTS: usize = 20_000;
const STREAMS: usize = 50;

/// Events that dynamo-es appends and reads: it takes them one by one.
const OF_PEER: usize = 2_000;

/// Rows that are written, each twice, and how many of them at once.
const ROWS: usize = 2_000;
const ROWS_AT_ONCE: usize = 50;

/// Partitions that a playback reads at once.
const AT_ONCE: usize = 4;

/// Measures it.
pub async fn measure(plan: &Plan) -> Result<Vec<Line>> {
    let engine = Engine::start().await?;
    let mut dynamo_es = Script::dynamo_es(&engine.at.dynamodb)?;
    let events = events_from("h", EVENTS, STREAMS, 1, Ids::Numbers);
    let sequencer = Sequencer::new(engine.events(&engine.clients));
    let batches: Vec<Vec<CloudEvent>> = events.chunks(500).map(<[_]>::to_vec).collect();
    for batch in &batches {
        record(&sequencer, batch).await?;
    }
    unsafe_puts(&engine, "raw-", &batches).await?;
    let mut own: [Figure; 2] = Default::default();
    let mut scanned: [Figure; 2] = Default::default();
    let mut peer = Figure::default();
    for round in 0..plan.rounds {
        let store = engine.events(&engine.clients);
        let (count, took) = cpu::during(read(&store, "cart", AT_ONCE)).await;
        same(count?)?;
        own[0].push(EVENTS as f64 / took.wall.as_secs_f64());
        own[1].push(cpu::micros(took.cpu, EVENTS));
        let (count, took) = cpu::during(scan(&engine)).await;
        same(count?)?;
        scanned[0].push(EVENTS as f64 / took.wall.as_secs_f64());
        scanned[1].push(cpu::micros(took.cpu, EVENTS));
        let work = format!("{OF_PEER} {STREAMS} r{round}.");
        let [_, _, replayed] = dynamo_es.round(&work).await?;
        peer.push(replayed);
    }
    let what = "history read and decoded, as a playback does";
    let [rate, cpu] = own;
    let [scan_rate, scan_cpu] = scanned;
    let beside = "a paged Scan of an item an event, which discards";
    let mut lines = vec![
        Line::alone(5, what, "events/s", rate)
            .beside(beside, scan_rate)
            .reaching(Bound::TimesMore(0.9)),
        Line::alone(5, what, "µs CPU an event", cpu.clone()).beside(beside, scan_cpu),
        Line::alone(5, what, "µs CPU an event", cpu)
            .beside("dynamo-es, which reads stream by stream", peer),
    ];
    lines.push(rows(&engine).await?);
    lines.extend(written(&engine, plan).await?);
    Ok(lines)
}

fn same(count: usize) -> Result<()> {
    match count {
        EVENTS => Ok(()),
        other => Err(format!("{other} of {EVENTS} events were read").into()),
    }
}

/// Reads and decodes all partitions of a category, some at once, as a playback does.
pub(super) async fn read(store: &EventStore, category: &str, at_once: usize) -> Result<usize> {
    let selection = &Selection::default();
    let names = (0..PARTITIONS).map(|nth| partition_name(category, nth));
    let read = futures::stream::iter(names).map(|name| async move {
        let (mut count, mut cursor) = (0, None);
        loop {
            let page = partition::page(store, &name, selection, cursor.as_ref(), u64::MAX, PAGE);
            let page = page.await?;
            count += partition::selected(&page.commits, selection)?.len();
            if page.is_last {
                return Ok::<_, crate::Error>(count);
            }
            cursor = page.cursor.or(cursor);
        }
    });
    read.buffer_unordered(at_once)
        .try_fold(0, async |sum, count| Ok(sum + count))
        .await
}

/// Scans the same events, as a hand-made event store has them.
async fn scan(engine: &Engine) -> Result<usize> {
    let client = engine.clients.dynamodb();
    let (mut count, mut start) = (0, None);
    loop {
        let request = client.scan().table_name(engine.raw_table());
        let answer = request.set_exclusive_start_key(start).send().await?;
        count += answer.items().len();
        start = answer.last_evaluated_key;
        if start.is_none() {
            return Ok(count);
        }
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum CartEvent {
    ProductAddedToCart { quantity: u64, cents: u64 },
}

impl Event for CartEvent {
    const CATEGORY: &'static str = "cart";
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
struct Cart {
    products: u64,
    cents: u64,
}

struct Carts;

impl SingleStreamProjection for Carts {
    type Event = CartEvent;
    type Row = Cart;
    const NAME: &'static str = "carts";
    fn apply(cart: &mut Cart, event: &Envelope<CartEvent>) -> std::result::Result<(), Rejection> {
        let CartEvent::ProductAddedToCart { quantity, cents } = &event.data;
        cart.products += quantity;
        cart.cents += quantity * cents;
        Ok(())
    }
}

/// Write units of a row, where a batch has a hundred events of it.
async fn rows(engine: &Engine) -> Result<Line> {
    let meter = Meter::around(Builder::new().build_http());
    let metered = meter.clone();
    let clients = engine
        .clients
        .clone()
        .map_config(|config| config.into_builder().http_client(metered).build());
    let data = clients.data_store(&engine.at.tables["DataTable"]);
    let service = Service::new().single_stream::<Carts>();
    let projector = Projector::new(service, engine.events(&clients), data);
    // Five streams with a hundred events each in a batch; the first one finds no row.
    let all = events_from("u", 1_000, 5, 1, Ids::Numbers);
    let mut streams: Vec<Vec<RecordedEvent>> = Vec::new();
    for nth in 0..5 {
        let own: Vec<CloudEvent> = all.iter().skip(nth).step_by(5).cloned().collect();
        streams.push(recorded(&own));
    }
    let mut units = 0.0;
    for half in 0..2 {
        let part = |events: &Vec<RecordedEvent>| events[half * 100..][..100].to_vec();
        let delivery = Delivery {
            replay: None,
            events: streams.iter().flat_map(part).collect(),
        };
        meter.take();
        let projected = projector.project(&[(0, delivery)]).await?;
        if projected.applied != 500 {
            return Err(format!("{projected:?}").into());
        }
        units = meter.take().write_units;
    }
    let what = "rows, 100 events of a key in a batch, one projection";
    let line = Line::alone(
        5,
        what,
        "write units an event",
        Figure::exact(units / 500.0),
    );
    Ok(line.reaching(Bound::AtMost(0.01)))
}

/// Rows of as many streams, as write writes them, beside a request for each.
async fn written(engine: &Engine, plan: &Plan) -> Result<[Line; 2]> {
    let store = engine.clients.data_store(&engine.at.tables["DataTable"]);
    let mut own: [Figure; 2] = Default::default();
    let mut alone: [Figure; 2] = Default::default();
    for round in 0..plan.rounds {
        for (is_alone, figures) in [(false, &mut own), (true, &mut alone)] {
            let target = Target {
                projection: format!("rows-{round}-{is_alone}"),
                generation: 1,
            };
            let keys: Vec<Key> = (0..ROWS)
                .map(|nth| Key::row(&target, &nth.to_string()))
                .collect();
            let write = async {
                for revision in 0..2 {
                    write_all(&store, &keys, revision, is_alone).await?;
                }
                Ok::<_, crate::Error>(())
            };
            let (written, took) = cpu::during(write).await;
            written?;
            figures[0].push(2.0 * ROWS as f64 / took.wall.as_secs_f64());
            figures[1].push(cpu::micros(took.cpu, 2 * ROWS));
        }
    }
    let what = "rows of as many streams, 50 at once";
    let beside = "a conditional PutItem a row, 50 at once";
    let ([rate, cpu], [alone_rate, alone_cpu]) = (own, alone);
    Ok([
        Line::alone(5, what, "rows/s", rate).beside(beside, alone_rate),
        Line::alone(5, what, "µs CPU a row", cpu).beside(beside, alone_cpu),
    ])
}

async fn write_all(store: &DataStore, keys: &[Key], revision: u64, is_alone: bool) -> Result<()> {
    let at = |revision| Row {
        state: Some(json!({"products": revision, "cents": 1_200, "user": "user-17"})),
        watermark: revision,
        revision,
        ..Row::default()
    };
    let (was, row) = (&at(revision), &at(revision + 1));
    let writes = keys.iter().map(|key| async move {
        let written = match is_alone {
            true => store.put(key, row, revision).await?,
            false => store.put_over(key, row, was).await?,
        };
        match written {
            Written::Done => Ok(()),
            Written::Stale => Err(crate::Error::from("a row is stale")),
        }
    });
    futures::stream::iter(writes)
        .buffer_unordered(ROWS_AT_ONCE)
        .try_collect()
        .await
}
