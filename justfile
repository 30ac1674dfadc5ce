# One recipe a stage and a chore; `just --list` shows them. Arguments go through: `just fetch --limit 1000`.
set positional-arguments

tagmill := "cargo run --release --quiet --package tagmill-cli --bin tagmill --"

[private]
default:
    @just --list

# Find or install libtorch
setup:
    cargo xtask setup

# Build everything optimised
build: setup
    cargo build --release --workspace --bins

# Fetch the metadata of the board's items into items.db
fetch *arguments:
    {{ tagmill }} fetch "$@"

# Take pictures and tags that you have already into items.db and media/
import *arguments:
    {{ tagmill }} import "$@"

# Turn items.db into the training table dataset.csv
prepare *arguments:
    {{ tagmill }} prepare "$@"

# Download the media that the table needs
download *arguments:
    {{ tagmill }} download "$@"

# Train a tagger
train *arguments: build
    {{ tagmill }} train "$@"

# Judge a tagger on held-out items
validate *arguments: build
    {{ tagmill }} validate "$@"

# Tag pictures
predict *arguments: build
    {{ tagmill }} predict "$@"

# Hand on a run, or with `hf` the table
export *arguments:
    {{ tagmill }} export "$@"

# The whole pipeline on a board that runs on this machine
demo *arguments:
    cargo xtask full-pipeline "$@"

# Real pictures with real tags: Debian's openclipart, ready for prepare
openclipart *arguments:
    cargo xtask data openclipart "$@"

# A board on this machine to try the stages on
board *arguments:
    cargo xtask board "$@"

# Formatting, lints and all tests
test:
    cargo xtask test

# Measure
bench *arguments:
    cargo xtask bench "$@"
