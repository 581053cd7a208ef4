//! The router made from the table of routes: each request through the door, to what answers it.

use super::door::door;
use super::house::House;
use super::problem::Problem;
use super::query::Query;
use super::reply::Reply;
use super::route::Answer::{Events, Once, Post, Put};
use super::route::{Asked, Route};
use super::routes::ROUTES;
use super::{dashboard, push, viewer};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post, put};
use std::sync::Arc;

/// The router of all that can be asked, behind the door.
pub(super) fn router(house: Arc<House>) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| {
        let answer =
            move |State(house): State<Arc<House>>,
                  path: Result<RawPathParams, RawPathParamsRejection>,
                  request: Request| answered(house, route, path, request);
        let asked = match route.answer {
            Once(_) | Events => get(answer),
            Put(_) => put(answer),
            Post(_) => post(answer),
        };
        router.route(route.path, asked)
    });
    let routes = dashboard::add(routes).method_not_allowed_fallback(other_method);
    let door = from_fn_with_state(Arc::clone(&house), door);
    routes.fallback(nothing_there).layer(door).with_state(house)
}

async fn answered(
    house: Arc<House>,
    route: &'static Route,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let told = match asked(route, path, &parts) {
        Ok(asked) => told(house, route, asked, &parts, body).await,
        Err(problem) => Err(problem),
    };
    told.unwrap_or_else(|problem| problem.reply().response(&parts.headers))
}

async fn told(
    house: Arc<House>,
    route: &'static Route,
    asked: Asked,
    parts: &Parts,
    body: Body,
) -> Result<Response, Problem> {
    match route.answer {
        Once(answer) => Ok(house.answer(answer, asked).await?.response(&parts.headers)),
        Events => viewer::events(&house, &asked.name, &parts.headers).await,
        Put(keep) | Post(keep) => {
            let body = push::body(body).await?;
            Ok(house.keep(keep, asked, body).await?.response(&parts.headers))
        }
    }
}

fn asked(
    route: &'static Route,
    path: Result<RawPathParams, RawPathParamsRejection>,
    parts: &Parts,
) -> Result<Asked, Problem> {
    let path = path.map_err(|_| Problem::bad("what the path names is no text"))?;
    let name = path.iter().next().map(|(_, name)| name.to_owned()).unwrap_or_default();
    let query = Query::read(parts.uri.query().unwrap_or_default(), route.parameters)?;
    Ok(Asked { name, query })
}

async fn other_method(parts: Parts) -> Response {
    Reply::response(Problem::other_method().reply(), &parts.headers)
}

async fn nothing_there(parts: Parts) -> Response {
    let absent = Problem::absent("there is nothing here; /docs tells what there is");
    Reply::response(absent.reply(), &parts.headers)
}
