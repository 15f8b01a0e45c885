package store

import (
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/internal/dbtest"
)

func TestConfigKeepsAndForces(t *testing.T) {
	t.Parallel()
	cfg, err := config("app:secret@tcp(db:3306)/shop?tls=skip-verify&timeout=7s&readTimeout=40s&collation=utf8mb4_bin&parseTime=true&connectionAttributes=program_name:mine")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.TLSConfig != "skip-verify" || cfg.Timeout != 7*time.Second || cfg.ReadTimeout != 40*time.Second || cfg.Collation != "utf8mb4_bin" || cfg.ConnectionAttributes != "program_name:mine" {
		t.Errorf("something of the user's was lost: %+v", cfg)
	}
	if !cfg.ParseTime || !cfg.InterpolateParams || cfg.Loc != time.UTC || cfg.MultiStatements ||
		!strings.Contains(cfg.Params["sql_mode"], "STRICT_TRANS_TABLES") || cfg.Params["time_zone"] != "'+00:00'" || cfg.Params["wait_timeout"] != "20" {
		t.Errorf("something needed is not set: %+v", cfg)
	}
}

func TestConfigRefusesContradictions(t *testing.T) {
	t.Parallel()
	for dsn, says := range map[string]string{
		"root@tcp(db)/":                                    "no database after the slash",
		"nonsense":                                         "data source name",
		"root@/s?parseTime=false":                          "parseTime=false cannot be",
		"root@/s?loc=Local":                                "loc=Local cannot be",
		"root@/s?interpolateParams=false":                  "interpolateParams=false",
		"root@/s?sql_mode=ANSI":                            "sql_mode=ANSI",
		"root@/s?time_zone=%27SYSTEM%27":                   "time_zone='SYSTEM'",
		"root@/s?wait_timeout=28800":                       "wait_timeout=28800",
		"root@/s?net_write_timeout=60":                     "net_write_timeout=60",
		"root@/s?innodb_lock_wait_timeout=50":              "innodb_lock_wait_timeout=50",
		"root@/s?transaction_isolation=%27SERIALIZABLE%27": "transaction_isolation cannot be set",
		"root@/s?SQL_MODE=%27%27":                          "SQL_MODE='' cannot be",
		"root@/s?autocommit=0":                             "autocommit=0 cannot be",
		"root@/s?sql_select_limit=5":                       "sql_select_limit=5 cannot be",
		"root@/s?charset=gbk":                              "charset=gbk cannot be",
		"root@/s?charset=latin1,utf8mb4":                   "charset=latin1,utf8mb4 cannot be",
		"root@/s?collation=latin1_bin":                     "collation=latin1_bin cannot be",
		"root@/s?multiStatements=true":                     "multiStatements cannot be set",
		"root@/s?readTimeout=2s":                           "readTimeout",
	} {
		if _, err := config(dsn); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want it to say %q", dsn, err, says)
		}
	}
}

func TestInstance(t *testing.T) {
	t.Parallel()
	for _, instance := range []string{"a,b", "a,program_name:other", "a\nb", "\x00", "\xff", strings.Repeat("a", 129)} {
		if s, err := Open("root@tcp(127.0.0.1:1)/shop", Options{Instance: instance}); err == nil || !strings.Contains(err.Error(), "without commas") {
			t.Errorf("instance %q: %v, %v", instance, s, err)
		}
	}
	for _, tt := range []struct{ dsn, instance, want string }{
		{"", "", "program_name:fairlead,role:units"},
		{"", "web-1:4711 서울", "program_name:fairlead,instance:web-1:4711 서울,role:units"},
		{"?connectionAttributes=program_name:mine", "i", "program_name:mine,instance:i,role:units"},
		{"?connectionAttributes=team:a,instance:theirs", "i", "team:a,instance:theirs,program_name:fairlead,role:units"},
		{"?connectionAttributes=my_program_name:x", "i", "my_program_name:x,program_name:fairlead,instance:i,role:units"},
	} {
		cfg, err := config("root@tcp(db)/shop" + tt.dsn)
		if err != nil {
			t.Fatal(err)
		}
		got, err := named(cfg, tt.instance, "units")
		if err != nil || got.ConnectionAttributes != tt.want {
			t.Errorf("%q, %q: %q, want %q (%v)", tt.dsn, tt.instance, got.ConnectionAttributes, tt.want, err)
		}
		if strings.Contains(cfg.ConnectionAttributes, "role") {
			t.Error("the configuration of the other roles was changed")
		}
	}
}

// A DBA sees in the server's own tables who is who.
func TestConnectionsAreNamed(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	instance := "web-1:4711/" + d.Schema
	s, err := Open(d.DSN, Options{Instance: instance})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for role, db := range map[string]*sqlx.DB{"units": s.units, "reads": s.reads, "lookups": s.lookups} {
		conn, err := db.Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var attributes []struct {
			Name  string `db:"ATTR_NAME"`
			Value string `db:"ATTR_VALUE"`
		}
		err = conn.SelectContext(t.Context(), &attributes, `
			SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_connect_attrs WHERE PROCESSLIST_ID = CONNECTION_ID()`)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, a := range attributes {
			got[a.Name] = a.Value
		}
		for name, want := range map[string]string{"program_name": "fairlead", "instance": instance, "role": role} {
			if got[name] != want {
				t.Errorf("%s: attribute %s is %q, want %q", role, name, got[name], want)
			}
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("user:password@tcp(localhost:3306)/shop?tls=true")
	f.Add("/a?loc=UTC&parseTime=1")
	f.Fuzz(func(t *testing.T, dsn string) {
		cfg, err := config(dsn)
		if err == nil && (cfg.DBName == "" || !cfg.ParseTime || cfg.Loc != time.UTC) {
			t.Errorf("%q gives %+v", dsn, cfg)
		}
	})
}
