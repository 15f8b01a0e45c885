// Package numbering reads lists of safe numbers as people keep them, writes
// each number in one way, and says how many numbers a pool needs.
//
// To Fairlead +8250712345678 and 050712345678 are different numbers. A list
// that has some of its numbers one way and some the other would put the same
// number into a pool twice, and two customers on one line. So everything that
// comes from a list goes through [Rules.Normalise].
//
// What is a number is judged by libphonenumber's data on the numbering plans of
// all countries, in the port github.com/nyaruka/phonenumbers. The plan of Korea
// in it has the relay numbers as 050, one more digit, and then 7 or 8 digits
// (google/libphonenumber, issue 1787: the eighth came in 2017); it calls them
// personal numbers. The library is lenient, and made to find a number in any
// text. Here a doubtful line is a wrong line, so the library is shown digits
// only, and what it makes of them has to be what was written.
package numbering
