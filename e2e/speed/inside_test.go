package speed

import (
	"testing"

	"fairlead/compare"
	"fairlead/internal/dbtest"
	"fairlead/internal/redistest"
)

// BenchmarkInside is assigning without HTTP: ours beside the textbook lock, and
// beside a script in a Redis that syncs every write. It is "fairlead compare"
// with the servers that tests use.
func BenchmarkInside(b *testing.B) {
	each(b, []int{64, 512}, func(b *testing.B, clients int) {
		redis := redistest.New(b, "always")
		db := dbtest.NewServer(b).New()
		for b.Loop() {
			r, err := compare.Run(b.Context(), compare.Options{
				DSN:     db.DSN,
				Redis:   redis.Addr,
				Designs: []string{compare.Textbook, compare.Ours, compare.RedisScript},
				Clients: []int{clients},
				Rounds:  *rounds,
				For:     *stretch * 5,
			})
			if err != nil {
				b.Fatal(err)
			}
			rates := map[string]float64{}
			for _, result := range r.Levels[0].Results {
				rates[result.Design] = result.Rate.Median
				b.ReportMetric(result.Rate.Median, result.Design+"/s")
				b.ReportMetric(result.P50, result.Design+"-p50-ms")
				if result.Design != compare.Ours {
					continue
				}
				if !result.Verdict.Clean() {
					b.Errorf("%+v", result.Verdict)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(rates[compare.Ours]/rates[compare.Textbook], "x-textbook")
			b.ReportMetric(rates[compare.Ours]/rates["redis-always"], "x-redis")
		}
	})
}
