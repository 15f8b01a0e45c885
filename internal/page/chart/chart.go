// Package chart draws small charts as SVG that lives inside an HTML page: it
// scales with its viewBox, takes fonts and colours from the page's stylesheet
// (and so follows dark mode), and tells screen readers what it shows.
//
// Labels are placed by anchors and a careful guess at their width, since only
// the browser knows the font.
package chart

import "html/template"

// A Chart draws itself for a width in CSS pixels, at which its text has the
// size of the page's. The id must be unique in the page.
type Chart interface {
	About() Head
	SVG(id string, width int) template.HTML
}

// Head is what a chart says about itself: its heading, and a description for
// those who do not see it.
type Head struct {
	Title string
	Desc  string
}

// About returns what a chart says about itself.
func (h Head) About() Head { return h }

// An Axis is a scale and what its values are.
type Axis struct {
	Title string
	Scale Scale
}

// colours is how many series the stylesheet can tell apart; more begin anew.
const colours = 6

// The page's stylesheet is written for these sizes.
const (
	textSize   = 12.0
	lineHeight = 16.0
)
