//! Whether a request may call a route, where the system enforces what the template says (`--auth`).
//!
//! Nobody has an account here: whoever signs with the secret key [`SECRET`] is somebody, under any access key. A
//! token's issuer need not be in reach, so that its claims are checked and its signature is not.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;

use crate::clock;
use crate::http::Problem;
use crate::template::{Authorization, REGION};

/// The secret key of every caller.
pub const SECRET: &str = "local";
/// How far a signature's time may be off. Source: "Signature Version 4" in the IAM user guide.
const TOLERANCE: Duration = Duration::from_secs(300);
const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";

/// Checks who calls.
///
/// # Errors
///
/// As API Gateway: 403 without a right signature, 401 without a right token, 403 without its scope.
pub(super) fn check(
    authorization: &Authorization,
    parts: &Parts,
    body: &[u8],
) -> Result<(), Problem> {
    match authorization {
        Authorization::None => Ok(()),
        Authorization::Iam => signed(parts, body).map_err(|why| {
            let detail = format!("The request needs a signature of version 4: {why}.");
            Problem::new(StatusCode::FORBIDDEN, "Forbidden", detail).of_field("authorization")
        }),
        Authorization::Jwt {
            issuer,
            audience,
            scopes,
        } => {
            let claims = claims(&parts.headers)
                .and_then(|claims| valid(&claims, issuer, audience).map(|()| claims));
            let claims = claims.map_err(|why| {
                let detail = format!("The request needs a bearer token: {why}.");
                Problem::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail)
                    .of_field("authorization")
                    .with(header::WWW_AUTHENTICATE, "Bearer")
            })?;
            let has = |scope: &String| granted(&claims).any(|granted| granted == scope);
            if scopes.is_empty() || scopes.iter().any(has) {
                return Ok(());
            }
            let detail = format!("The token needs the scope {}.", scopes.join(" or "));
            Err(Problem::new(StatusCode::FORBIDDEN, "Forbidden", detail).of_field("authorization"))
        }
    }
}

/// The parts of an `Authorization` header of Signature Version 4.
struct Signature<'a> {
    access_key: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Signature<'a> {
    fn read(header: &'a str) -> Option<Self> {
        let part = |name: &str| {
            let mut parts = header.strip_prefix(ALGORITHM)?.split(',');
            parts.find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let scope: Vec<&str> = part("Credential")?.split('/').collect();
        let [access_key, _, region, service, "aws4_request"] = scope.as_slice() else {
            return None;
        };
        Some(Self {
            access_key,
            region,
            service,
            signed_headers: part("SignedHeaders")?.split(';').collect(),
            signature: part("Signature")?,
        })
    }
}

fn signed(parts: &Parts, body: &[u8]) -> Result<(), String> {
    let text = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let given = text("authorization").ok_or("it has no Authorization header")?;
    let given = Signature::read(given).ok_or("its Authorization header is of another form")?;
    if (given.region, given.service) != (REGION, "execute-api") {
        return Err(format!(
            "it is signed for {} in {}, and execute-api in {REGION} was expected",
            given.service, given.region
        ));
    }
    let date = text("x-amz-date").ok_or("it has no X-Amz-Date header")?;
    let time = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", date)
        .and_then(|time| time.to_datetime())
        .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
        .map_err(|_| format!("its X-Amz-Date is {date}, and 20261231T235959Z was expected"))?;
    let seconds = time.timestamp().as_second().max(0).unsigned_abs();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let now = SystemTime::now();
    let off = now
        .duration_since(time)
        .or_else(|_| time.duration_since(now));
    if off.is_ok_and(|off| off > TOLERANCE) {
        return Err("its time is more than five minutes off".to_owned());
    }
    if !given.signed_headers.contains(&"host") {
        return Err("its signature leaves out the Host header".to_owned());
    }
    let expected = signature(parts, body, &given, time).map_err(|error| error.to_string())?;
    match expected == given.signature {
        true => Ok(()),
        false => Err(format!(
            "its signature is wrong; the local system's secret key is {SECRET:?}"
        )),
    }
}

/// The signature that the request has to have.
fn signature(
    parts: &Parts,
    body: &[u8],
    given: &Signature<'_>,
    time: SystemTime,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let identity = Credentials::new(given.access_key, SECRET, None, None, "local").into();
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    let is_signed = |name: &str| given.signed_headers.contains(&name);
    if is_signed("x-amz-content-sha256") {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(given.region)
        .name(given.service)
        .time(time)
        .settings(settings)
        .build()?
        .into();
    // These two are added again.
    let is_added = |name: &str| ["x-amz-date", "x-amz-content-sha256"].contains(&name);
    let headers = parts.headers.iter().filter_map(|(name, value)| {
        let name = name.as_str();
        (is_signed(name) && !is_added(name)).then(|| Some((name, value.to_str().ok()?)))?
    });
    let host = parts.headers.get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let target = parts.uri.path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    let request = SignableRequest::new(
        parts.method.as_str(),
        format!("http://{host}{target}"),
        headers,
        SignableBody::Bytes(body),
    )?;
    Ok(sign(request, &params)?.into_parts().1)
}

/// The claims of the bearer token.
fn claims(headers: &HeaderMap) -> Result<Value, &'static str> {
    let given = headers.get(header::AUTHORIZATION);
    let given = given
        .and_then(|value| value.to_str().ok())
        .ok_or("it has no Authorization header")?;
    let token = given.strip_prefix("Bearer ").unwrap_or(given);
    let of_another_form = "its token is of another form than header.claims.signature";
    let parts: Vec<&str> = token.split('.').collect();
    let [_, claims, _] = parts.as_slice() else {
        return Err(of_another_form);
    };
    let claims = URL_SAFE_NO_PAD.decode(claims);
    let claims = claims.map_err(|_| of_another_form)?;
    serde_json::from_slice(&claims).map_err(|_| of_another_form)
}

/// Checks what API Gateway checks of claims.
///
/// Source: "Control access to HTTP APIs with JWT authorizers" in the API Gateway developer guide.
fn valid(claims: &Value, issuer: &str, audience: &[String]) -> Result<(), &'static str> {
    let now = Timestamp::from_millisecond(clock::now_ms() as i64);
    let now = now.map_or(0, Timestamp::as_second);
    let after = |name: &str| claims[name].as_i64().is_some_and(|time| time > now);
    if claims["iss"] != issuer {
        return Err("its token is of another issuer");
    }
    let of = match &claims["aud"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => claims["client_id"].as_str().into_iter().collect(),
    };
    if !of
        .iter()
        .any(|of| audience.iter().any(|wanted| wanted == of))
    {
        return Err("its token is for another audience");
    }
    if !after("exp") {
        return Err("its token has expired, or says not when it does");
    }
    if after("nbf") || after("iat") {
        return Err("its token is not valid yet");
    }
    Ok(())
}

/// The scopes that a token grants.
fn granted(claims: &Value) -> impl Iterator<Item = &str> {
    let scope = ["scope", "scp"]
        .into_iter()
        .find_map(|name| claims[name].as_str());
    scope.unwrap_or_default().split(' ')
}
