//! The ornament of the pages: a guilloche border of two colours with rosettes in its corners.
//!
//! One period of the band and one petal of the rosette are written into the file once, and drawn many times with
//! different transformations: the whole border costs a few kilobytes and a fraction of a millisecond.

use std::f32::consts::{PI, TAU};

use krilla::geom::{Path, PathBuilder, Point, Rect, Transform};
use krilla::graphic::Graphic;
use krilla::num::NormalizedF32;
use krilla::paint::{LineCap, LineJoin, Stroke};
use krilla::surface::Surface;

use super::text::fill;
use super::{BURGUNDY, GOLD, PAGE_HEIGHT, PAGE_WIDTH, ROSE};

/// The middle of the band, from the edge of the page.
const MIDDLE: f32 = 30.0;
/// The outer rule, and the two inner ones.
const RULES: [(f32, f32); 3] = [(13.5, 0.5), (46.5, 1.0), (49.8, 0.4)];
/// The inside of the border, from the edge of the page.
pub(super) const INSIDE: f32 = 49.8;

/// The length of one period of the band, and how often it is repeated on each side.
const PERIOD: f32 = 66.0;
const ACROSS: u16 = 8;
const DOWN: u16 = 12;
/// The band's strands in each colour, and how far they swing at the narrowest and at the widest.
const STRANDS: u16 = 5;
const SWING: (f32, f32) = (2.6, 9.4);
/// How often a strand swings in a period, and the curves it is made of.
const SWINGS: f32 = 3.0;
const CURVES: u16 = 21;

/// A rosette's petals in each colour, and how far they reach.
const PETALS: u16 = 20;
const REACH: f32 = 19.0;

/// The parts of the border, made once for a document.
#[derive(Clone)]
pub(super) struct Border {
    period: Graphic,
    petals: [Graphic; 2],
}

impl Border {
    /// Writes the parts of the border into the document of a surface.
    pub(super) fn new(surface: &mut Surface) -> Self {
        let period = graphic(surface, |surface| {
            for (colour, start) in [(GOLD, 0.5), (ROSE, 0.0)] {
                surface.set_stroke(Some(stroke(colour, 0.22)));
                let mut path = PathBuilder::new();
                for strand in 0..STRANDS {
                    let phase = TAU * (f32::from(strand) + start) / f32::from(STRANDS);
                    trace(&mut path, CURVES, PERIOD, |x| (x, swing(x) * (SWINGS * TAU * x / PERIOD + phase).sin()));
                }
                draw(surface, path.finish());
            }
        });
        let petals = [(GOLD, 1.0), (ROSE, 0.8)].map(|(colour, part)| {
            graphic(surface, |surface| {
                surface.set_stroke(Some(stroke(colour, 0.24)));
                let mut path = PathBuilder::new();
                let (reach, width) = (REACH * part, REACH * part * 0.36);
                trace(&mut path, 12, TAU, |t| ((1.0 - t.cos()) * reach / 2.0, t.sin() * width * (t / 2.0).sin()));
                draw(surface, path.finish());
            })
        });
        Self { period, petals }
    }

    /// Draws the border around a page.
    pub(super) fn draw(&self, surface: &mut Surface) {
        self.sides(surface);
        self.corners(surface);
        surface.set_fill(None);
        for (inset, width) in RULES {
            surface.set_stroke(Some(stroke(BURGUNDY, width)));
            let size = (PAGE_WIDTH - 2.0 * inset, PAGE_HEIGHT - 2.0 * inset);
            draw(surface, rectangle(inset, inset, size.0, size.1));
        }
        surface.set_stroke(None);
    }

    fn sides(&self, surface: &mut Surface) {
        let (across, down) = (PAGE_WIDTH - 2.0 * MIDDLE, PAGE_HEIGHT - 2.0 * MIDDLE);
        for (count, length, upright) in [(ACROSS, across, false), (DOWN, down, true)] {
            let step = length / f32::from(count);
            let scale = step / PERIOD;
            for far in [false, true] {
                for at in 0..count {
                    let along = MIDDLE + f32::from(at) * step;
                    let transform = match (upright, far) {
                        (false, false) => Transform::from_row(scale, 0.0, 0.0, 1.0, along, MIDDLE),
                        (false, true) => Transform::from_row(scale, 0.0, 0.0, -1.0, along, PAGE_HEIGHT - MIDDLE),
                        (true, false) => Transform::from_row(0.0, scale, 1.0, 0.0, MIDDLE, along),
                        (true, true) => Transform::from_row(0.0, scale, -1.0, 0.0, PAGE_WIDTH - MIDDLE, along),
                    };
                    place(surface, &self.period, transform);
                }
            }
        }
    }

    fn corners(&self, surface: &mut Surface) {
        for x in [MIDDLE, PAGE_WIDTH - MIDDLE] {
            for y in [MIDDLE, PAGE_HEIGHT - MIDDLE] {
                surface.set_fill(Some(fill((255, 255, 255))));
                draw(surface, disc(x, y, REACH * 0.92));
                surface.set_fill(None);
                for (graphic, turn) in self.petals.iter().zip([0.0, 0.5]) {
                    for petal in 0..PETALS {
                        let angle = TAU * (f32::from(petal) + turn) / f32::from(PETALS);
                        let (sin, cos) = angle.sin_cos();
                        place(surface, graphic, Transform::from_row(cos, sin, -sin, cos, x, y));
                    }
                }
            }
        }
    }
}

/// How far the band swings at a place of its period: widest in the middle.
fn swing(x: f32) -> f32 {
    let (least, most) = SWING;
    least + (most - least) * (PI * x / PERIOD).sin().powi(2)
}

/// A thin line of a colour.
pub(super) fn stroke((red, green, blue): (u8, u8, u8), width: f32) -> Stroke {
    Stroke {
        paint: krilla::color::rgb::Color::new(red, green, blue).into(),
        width,
        miter_limit: 4.0,
        line_cap: LineCap::Butt,
        line_join: LineJoin::Miter,
        opacity: NormalizedF32::ONE,
        dash: None,
    }
}

/// Draws a path, where there is one.
pub(super) fn draw(surface: &mut Surface, path: Option<Path>) {
    if let Some(path) = path {
        surface.draw_path(&path);
    }
}

/// A rectangle as a path.
pub(super) fn rectangle(left: f32, top: f32, width: f32, height: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.push_rect(Rect::from_xywh(left, top, width, height)?);
    path.finish()
}

fn disc(x: f32, y: f32, radius: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    trace(&mut path, 8, TAU, |t| (x + radius * t.cos(), y + radius * t.sin()));
    path.close();
    path.finish()
}

fn graphic(surface: &mut Surface, content: impl Fn(&mut Surface)) -> Graphic {
    let mut builder = surface.stream_builder();
    let mut inner = builder.surface();
    content(&mut inner);
    inner.finish();
    Graphic::new(builder.finish(), false)
}

fn place(surface: &mut Surface, graphic: &Graphic, transform: Transform) {
    surface.push_transform(&transform);
    surface.draw_graphic(graphic.clone());
    surface.pop();
}

/// Follows a curve over a parameter from 0 to `end` with cubic curves that have its points and its slopes.
fn trace(path: &mut PathBuilder, curves: u16, end: f32, at: impl Fn(f32) -> (f32, f32)) {
    let step = end / f32::from(curves);
    let nudge = step / 64.0;
    let third = |t: f32| {
        let ((x0, y0), (x1, y1)) = (at(t - nudge), at(t + nudge));
        let part = step / (6.0 * nudge);
        ((x1 - x0) * part, (y1 - y0) * part)
    };
    let (x, y) = at(0.0);
    path.move_to(x, y);
    for curve in 0..curves {
        let (t0, t1) = (f32::from(curve) * step, f32::from(curve + 1) * step);
        let ((x0, y0), (x1, y1)) = (at(t0), at(t1));
        let ((dx0, dy0), (dx1, dy1)) = (third(t0), third(t1));
        let controls = (Point::from_xy(x0 + dx0, y0 + dy0), Point::from_xy(x1 - dx1, y1 - dy1));
        path.cubic_to(controls.0.x, controls.0.y, controls.1.x, controls.1.y, x1, y1);
    }
}
