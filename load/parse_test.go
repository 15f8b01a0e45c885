package load

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestParseRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rate{"5000": 5000, "5000/s": 5000, "0.5": 0.5, "1e3": 1000} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "/s", "x", "-1", "0", "NaN", "Inf", "1e9", "5/m", "5 /s"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"5000/s", "1e3", "NaN", "-0", "0x1p-2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := ParseRate(s); err == nil && !(r > 0 && r <= MaxRate) {
			t.Errorf("%q: %v", s, r)
		}
	})
}

const usual = `{"id":"01K2ZJ5Y3QK8J4W1T9V6M7N2XB","pool":"demo","seq":42,"planner":{"id":"kim","name":"Kim"},"reassigned_to":null,"number":"05070000001",` +
	`"customer":"order-4711","customer_phone":null,"key":"order-4711","state":"active","assigned_at":"2026-03-01T09:30:00.123456Z",` +
	`"released_at":null,"voided_at":null}`

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	a, quick := quickAnswer([]byte(usual + "\n"))
	if !quick || a.check() != nil || string(a.number) != "05070000001" || a.seq != 42 || string(a.name) != "Kim" {
		t.Errorf("%v %+v", quick, a)
	}
	for _, other := range []string{
		strings.Replace(usual, `"Kim"`, `"K\u0069m"`, 1),
		" " + strings.ReplaceAll(usual, `,`, ` , `),
		strings.NewReplacer(`"seq":42,`, "", `{"id":"01`, `{"seq":42,"id":"01`).Replace(usual),
		strings.Replace(usual, `{"id"`, `{"new":[1,{"a":"}"}],"id"`, 1),
		strings.Replace(usual, `"reassigned_to":null`, `"reassigned_to":{"id":"lee","name":"Lee"}`, 1),
		strings.Replace(usual, `"customer_phone":null`, `"customer_phone":"*********78"`, 1),
		strings.NewReplacer(`"active"`, `"void"`, `_at":null`, `_at":"2026-03-01T09:30:01Z"`).Replace(usual),
	} {
		b, err := readAnswer([]byte(other))
		if err != nil || b.sum() != a.sum() {
			t.Errorf("%s: %v, %+v", other, err, b)
		}
	}
	for _, broken := range []string{
		"", "null", "[]", usual[:100], usual + "x",
		strings.Replace(usual, `"seq":42,`, "", 1),
		strings.Replace(usual, `"seq":42,`, `"seq":0,`, 1),
		strings.Replace(usual, `"seq":42,`, `"seq":"42",`, 1),
		strings.Replace(usual, `,"released_at":null`, "", 1),
		strings.Replace(usual, `"released_at":null`, `"released_at":"2026-03-01T09:30:00Z"`, 1),
		strings.Replace(usual, `"active"`, `"released"`, 1),
		strings.Replace(usual, `"active"`, `"void"`, 1),
		strings.Replace(usual, `"active"`, `"gone"`, 1),
		strings.Replace(usual, `"number":"05070000001"`, `"number":""`, 1),
		strings.Replace(usual, `"kim"`, `""`, 1),
		strings.Replace(usual, `2026-03-01`, `2026-13-01`, 1),
		strings.Replace(usual, `"assigned_at":"2026-03-01T09:30:00.123456Z"`, `"assigned_at":null`, 1),
		strings.Replace(usual, `"key":"order-4711",`, `"key":null,`, 1),
	} {
		if b, err := readAnswer([]byte(broken)); err == nil {
			t.Errorf("%s is taken for %+v", broken, b)
		}
	}
}

// Each field that never changes is in the sum and is told of; state is not.
func TestSum(t *testing.T) {
	t.Parallel()
	a, _ := quickAnswer([]byte(usual))
	for _, change := range [][2]string{
		{"01K2ZJ5Y3QK8J4W1T9V6M7N2XB", "01K2ZJ5Y3QK8J4W1T9V6M7N2XC"}, {"42", "43"}, {"kim", "lee"}, {"Kim", "Lee"}, {`"05070000001"`, "null"},
		{`"customer":"order-4711"`, `"customer":""`}, {`"key":"order-4711"`, `"key":"k"`}, {"00.123456", "00.123457"},
	} {
		b, err := readAnswer([]byte(strings.Replace(usual, change[0], change[1], 1)))
		if err != nil || a.sum() == b.sum() || a.differ(&b) == "" {
			t.Errorf("%s: %v, %s", change[0], err, a.differ(&b))
		}
	}
	ended := strings.NewReplacer(`"active"`, `"released"`, `_at":null`, `_at":"2026-03-01T09:30:01Z"`).Replace(usual)
	if b, err := readAnswer([]byte(ended)); err != nil || a.sum() != b.sum() {
		t.Errorf("a release changes the sum: %v", err)
	}
}

// What is read quickly is what is read with care.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{usual, strings.Replace(usual, "42", "042", 1), strings.Replace(usual, "Kim", "\\u0000", 1), `{"id":""}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		quick, ok := quickAnswer(body)
		if !ok {
			_, _ = readAnswer(body)
			return
		}
		slow, err := slowAnswer(body)
		if quick.check() != nil { // such as null where a time must be
			return
		}
		if err != nil || quick.sum() != slow.sum() || !bytes.Equal(quick.state, slow.state) || !bytes.Equal(quick.pool, slow.pool) || !quick.releasedAt.Equal(slow.releasedAt) {
			t.Errorf("quick %+v, slow %+v, %v", quick, slow, err)
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	good := Default()
	good.Target = "http://127.0.0.1:8080"
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for flag, spoil := range map[string]func(*Options){
		"--target":      func(o *Options) { o.Target = "127.0.0.1:8080" },
		"--target ":     func(o *Options) { o.Target = "http://u:p@h/" },
		"--clients":     func(o *Options) { o.Clients = 0 },
		"--rate":        func(o *Options) { o.Rate = -1 },
		"--for":         func(o *Options) { o.For = 0 },
		"--count":       func(o *Options) { o.Count = -1 },
		"--warm-up":     func(o *Options) { o.WarmUp = -1 },
		"--timeout":     func(o *Options) { o.Timeout = 0 },
		"--pools":       func(o *Options) { o.Pools = 0 },
		"--planners":    func(o *Options) { o.Planners = -1 },
		"--numbers":     func(o *Options) { o.Numbers = maxNumbers + 1 },
		"--pool":        func(o *Options) { o.Use = []string{"Not a pool"} },
		"--retries":     func(o *Options) { o.Retries = 1.1 },
		"--releases":    func(o *Options) { o.Releases = -0.1 },
		"--with-number": func(o *Options) { o.WithNumber = 0.5 },
	} {
		o := good
		spoil(&o)
		if err := o.Check(); err == nil || !strings.HasPrefix(err.Error(), strings.TrimSpace(flag)+" ") {
			t.Errorf("%s: error %v", flag, err)
		}
		if strings.Contains(flag, "target ") {
			if err := o.Check(); strings.Contains(err.Error(), "u:p") {
				t.Errorf("the error shows the password: %v", err)
			}
		}
	}
}

// A report can be read back by programs that are written in Go.
func TestReportIsJSON(t *testing.T) {
	t.Parallel()
	r := Report{Options: Default(), Started: time.Now().UTC()}
	text, err := json.Marshal(&r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(text, &back); err != nil || back.Options.For != r.Options.For || back.Options.WarmUp != r.Options.WarmUp {
		t.Errorf("%v: %+v", err, back.Options)
	}
}
