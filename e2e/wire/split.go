package wire

import "bytes"

// split cuts SQL at the semicolons between statements. A semicolon in quotes,
// which may contain escaped quotes, is no boundary. The text must have no
// comments.
func split(sql []byte) [][]byte {
	var statements [][]byte
	for {
		n := statementEnd(sql)
		if n < 0 {
			return append(statements, sql)
		}
		statements = append(statements, sql[:n])
		sql = sql[n+1:]
	}
}

// statementEnd returns where the first semicolon outside quotes is, or -1.
func statementEnd(sql []byte) int {
	at := 0
	for {
		n := bytes.IndexAny(sql[at:], ";'\"`")
		if n < 0 {
			return -1
		}
		at += n
		if sql[at] == ';' {
			return at
		}
		n = quoteEnd(sql[at+1:], sql[at])
		if n < 0 {
			return -1
		}
		at += 1 + n + 1
	}
}

// quoteEnd returns where the quote that text follows ends, or -1. Two quotes
// that stand for one look like the end of one text and the beginning of
// another, which comes to the same.
func quoteEnd(text []byte, quote byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case quote:
			return i
		case '\\':
			if quote != '`' {
				i++
			}
		}
	}
	return -1
}
