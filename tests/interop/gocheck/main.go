// Gocheck reads a running ledger with the code of Go's checksum database (golang.org/x/mod/sumdb): its notes, its trees,
// its tiles. Nothing here is shared with cqo-ledger.
//
// Usage: gocheck URL POLICY [EARLIER-CHECKPOINT]...
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	maxAnswer  = 1 << 20
	// Go's checksum database is one log and has a fixed first line where a C2SP checkpoint has its origin.
	goTreeHeader = "go.sum database tree\n"
)

func main() {
	if len(os.Args) < 3 {
		fail("usage: gocheck URL POLICY [EARLIER-CHECKPOINT]...")
	}
	base, verifier := os.Args[1], logKey(os.Args[2])
	tree := openCheckpoint(get(base+"/checkpoint"), verifier)
	// The reader authenticates every tile against the tree before it uses it.
	hashes := tlog.TileHashReader(tree, &server{base: base, tiles: map[string][]byte{}})
	checkBlocks(base, tree, hashes)
	for _, path := range os.Args[3:] {
		earlier, err := os.ReadFile(path)
		check(err, path)
		checkPrefix(openCheckpoint(earlier, verifier), tree, hashes)
	}
	fmt.Printf("ok: %d blocks, %d earlier checkpoints\n", tree.N, len(os.Args)-3)
}

// logKey returns the verifier of the policy's first log line.
func logKey(path string) note.Verifier {
	policy, err := os.ReadFile(path)
	check(err, path)
	for _, line := range strings.Split(string(policy), "\n") {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "log" {
			verifier, err := note.NewVerifier(fields[1])
			check(err, "verifier key")
			return verifier
		}
	}
	fail("the policy has no log line")
	return nil
}

// openCheckpoint verifies a signed checkpoint and parses its tree.
func openCheckpoint(signed []byte, verifier note.Verifier) tlog.Tree {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check(err, "checkpoint")
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	if origin != verifier.Name() {
		fail("the checkpoint is of %q and the key is of %q", origin, verifier.Name())
	}
	tree, err := tlog.ParseTree([]byte(goTreeHeader + rest))
	check(err, "checkpoint")
	return tree
}

// checkBlocks proves that every block of the entries tiles is in the tree, at its place.
func checkBlocks(base string, tree tlog.Tree, hashes tlog.HashReader) {
	for first := int64(0); first < tree.N; first += tileWidth {
		width := tree.N - first
		if width > tileWidth {
			width = tileWidth
		}
		// Level -1 is Go's for the records themselves.
		tile := tlog.Tile{H: tileHeight, L: -1, N: first / tileWidth, W: int(width)}
		texts := split(get(base + path(tile)))
		if int64(len(texts)) != width {
			fail("%s has %d blocks, not %d", path(tile), len(texts), width)
		}
		for i, text := range texts {
			index := first + int64(i)
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			check(err, "prove block %d", index)
			check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(text)), "block %d", index)
			if !strings.Contains(string(text), fmt.Sprintf("\nheight %d\n", index)) {
				fail("block %d names another height", index)
			}
		}
	}
}

// checkPrefix proves that the tree begins with an earlier one.
func checkPrefix(earlier, tree tlog.Tree, hashes tlog.HashReader) {
	proof, err := tlog.ProveTree(tree.N, earlier.N, hashes)
	check(err, "prove the tree of %d", earlier.N)
	check(tlog.CheckTree(proof, tree.N, tree.Hash, earlier.N, earlier.Hash), "the tree of %d", earlier.N)
}

// split takes an entries tile apart: each text after its length in two bytes.
func split(bundle []byte) [][]byte {
	var texts [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 {
			fail("an entries tile ends within a length")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		if len(bundle) < end {
			fail("an entries tile ends within a block")
		}
		texts = append(texts, bundle[2:end])
		bundle = bundle[end:]
	}
	return texts
}

// path is the C2SP tlog-tiles path of a tile: Go's without the height, and with another word for the records.
func path(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	return "/tile/" + strings.Replace(path, "data/", "entries/", 1)
}

// server is a tlog.TileReader over HTTP.
type server struct {
	base  string
	tiles map[string][]byte
}

func (s *server) Height() int { return tileHeight }

func (s *server) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		name := path(tile)
		if s.tiles[name] == nil {
			s.tiles[name] = get(s.base + name)
		}
		data[i] = s.tiles[name]
		if len(data[i]) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", name, len(data[i]))
		}
	}
	return data, nil
}

func (s *server) SaveTiles([]tlog.Tile, [][]byte) {}

func get(url string) []byte {
	client := http.Client{Timeout: time.Minute}
	answer, err := client.Get(url)
	check(err, url)
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	check(err, url)
	if answer.StatusCode != http.StatusOK {
		fail("%s: %s", url, answer.Status)
	}
	return body
}

func check(err error, format string, args ...interface{}) {
	if err != nil {
		fail("%s: %v", fmt.Sprintf(format, args...), err)
	}
}

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "gocheck: "+format+"\n", args...)
	os.Exit(1)
}
