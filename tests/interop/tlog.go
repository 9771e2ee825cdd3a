// The log as the reference implementation of Go's checksum database sees it: golang.org/x/mod/sumdb/{note,tlog}.
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var url, key string

func check(name string, holds bool) {
	if holds {
		fmt.Println("ok  ", name)
	} else {
		fmt.Println("FAIL", name)
	}
}

func must(err error) {
	if err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
}

func get(path string) []byte {
	request, err := http.NewRequest("GET", url+path, nil)
	must(err)
	request.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(request)
	must(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(err)
	if answer.StatusCode != 200 {
		must(fmt.Errorf("%s: %s", path, answer.Status))
	}
	return body
}

// Tiles over HTTP. A tile of the checksum database names its height first; ours have the one of C2SP.
type remote struct{ spoil bool }

func (remote) Height() int { return 8 }

func (r remote) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		bytes := get("/tlog/" + strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if r.spoil {
			bytes[len(bytes)/2] ^= 1
		}
		all = append(all, bytes)
	}
	return all, nil
}

func (remote) SaveTiles([]tlog.Tile, [][]byte) {}

func tree(text []byte, verifiers note.Verifiers) (tlog.Tree, error) {
	opened, err := note.Open(text, verifiers)
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	var size int64
	if _, err := fmt.Sscan(lines[1], &size); err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

func main() {
	url = os.Args[1]
	made, err := os.ReadFile(os.Args[2])
	must(err)
	var init struct{ Key string }
	must(json.Unmarshal(made, &init))
	key = init.Key

	verifier, err := note.NewVerifier(strings.TrimSpace(string(get("/tlog/verifier-key"))))
	must(err)
	verifiers := note.VerifierList(verifier)
	checkpoint := get("/tlog/checkpoint")
	head, err := tree(checkpoint, verifiers)
	must(err)
	check("the checkpoint is a signed note", head.N > 3)
	refused := 0
	for place := range checkpoint {
		twin := append([]byte{}, checkpoint...)
		twin[place] ^= 1
		_, err := tree(twin, verifiers)
		// The last digit of the signature has bits that are padding, which Go does not look at.
		if err != nil || place == len(checkpoint)-3 {
			refused++
		}
	}
	check("any changed byte of it is refused", refused == len(checkpoint))

	tiles := tlog.TileHashReader(head, remote{})
	spoilt := tlog.TileHashReader(head, remote{spoil: true})
	bundle := get(fmt.Sprintf("/tlog/tile/entries/000.p/%d", head.N))
	all, twins := true, true
	for index := int64(0); index < head.N; index++ {
		length := binary.BigEndian.Uint16(bundle)
		entry := bundle[2 : 2+length]
		bundle = bundle[2+length:]
		proof, err := tlog.ProveRecord(head.N, index, tiles)
		all = all && err == nil && tlog.CheckRecord(proof, head.N, head.Hash, index, tlog.RecordHash(entry)) == nil
		entry[len(entry)/2] ^= 1
		twins = twins && tlog.CheckRecord(proof, head.N, head.Hash, index, tlog.RecordHash(entry)) != nil
	}
	check("every entry is in the tree", all && len(bundle) == 0)
	check("no changed entry is", twins)
	_, err = tlog.ProveRecord(head.N, 1, spoilt)
	check("changed tiles are refused", err != nil)
	consistent, forked := true, true
	for old := int64(1); old < head.N; old++ {
		hash, err := tlog.TreeHash(old, tiles)
		must(err)
		proof, err := tlog.ProveTree(head.N, old, tiles)
		consistent = consistent && err == nil && tlog.CheckTree(proof, head.N, head.Hash, old, hash) == nil
		hash[0] ^= 1
		forked = forked && tlog.CheckTree(proof, head.N, head.Hash, old, hash) != nil
	}
	check("every earlier log is its beginning", consistent)
	check("no other log is", forked)
}
