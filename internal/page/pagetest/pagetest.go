// Package pagetest checks what every page has to keep, and lets people look at
// the pages of tests: go test ./load -run TestHTML -args -pages=DIR
package pagetest

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

var pages = flag.String("pages", "", "write the pages of tests to this folder, to be looked at")

// A Writer is a report.
type Writer interface {
	WriteHTML(io.Writer) error
}

// Render writes a report's page and checks that it can stand alone and is
// well-formed.
func Render(t *testing.T, name string, r Writer) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if *pages != "" {
		if err := os.WriteFile(filepath.Join(*pages, name+".html"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check(t, name, b.String())
	return b.String()
}

// notNumbers are what formatted figures must not look like.
var notNumbers = regexp.MustCompile(`NaN|[+-]?Inf\b|%!|<nil>`)

func check(t *testing.T, name, text string) {
	t.Helper()
	if bad := notNumbers.FindString(text); bad != "" {
		t.Errorf("%s: the page says %q", name, bad)
	}
	checkElements(t, name, text)
}

// checkElements fails if an element is left open or closed in the wrong place,
// if one of those is there that a page of ours has no use for, if one loads or
// runs something, or if an id is there twice.
func checkElements(t *testing.T, name, text string) {
	t.Helper()
	var open []string
	ids := map[string]bool{}
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		kind := z.Next()
		token := z.Token()
		switch kind {
		case html.ErrorToken:
			if z.Err() != io.EOF || len(open) > 0 {
				t.Errorf("%s: ends with %v open, %v", name, open, z.Err())
			}
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			checkElement(t, name, token, ids)
			if kind == html.StartTagToken && token.Data != "meta" {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Errorf("%s: </%s> closes %v", name, token.Data, open)
				return
			}
			open = open[:len(open)-1]
		}
	}
}

var elements = strings.Fields(`html head meta title style body main header footer section h1 h2 h3 p ul li dl dt dd div span strong b small
	figure figcaption details summary table caption thead tbody tr th td svg desc text line rect path circle`)

func checkElement(t *testing.T, name string, token html.Token, ids map[string]bool) {
	t.Helper()
	known := false
	for _, e := range elements {
		known = known || e == token.Data
	}
	if !known {
		t.Errorf("%s: has an element %q", name, token.Data)
	}
	for _, a := range token.Attr {
		switch {
		case a.Key == "href" || a.Key == "src" || a.Key == "style" || strings.HasPrefix(a.Key, "on"):
			t.Errorf("%s: %s has an attribute %s", name, token.Data, a.Key)
		case a.Key == "id" && ids[a.Val]:
			t.Errorf("%s: the id %q is there twice", name, a.Val)
		case a.Key == "id":
			ids[a.Val] = true
		}
	}
}

// Hostile is text that tries to become something else than text. A page that
// fails to escape it has an element too many, or ends too early.
const Hostile = `"'><script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)></title></style></svg>` + "\x00\x1b[31m &amp; {{.}} \u202e日本語"
