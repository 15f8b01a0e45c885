package compare

import (
	"testing"

	"fairlead/internal/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
