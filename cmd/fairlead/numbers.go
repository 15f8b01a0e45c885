package main

type numbersCmd struct {
	Import  numbersImportCmd  `cmd:"" help:"Put a list of numbers into a pool, from CSV or JSON. Every line is looked at first."`
	List    numbersListCmd    `cmd:"" help:"List a pool's numbers, and what each is doing."`
	Suspend numbersSuspendCmd `cmd:"" help:"Take numbers out of use at once: calls on them lead nowhere."`
	Drain   numbersDrainCmd   `cmd:"" help:"Let numbers finish what they are in, and give them to nobody after that."`
	Resume  numbersResumeCmd  `cmd:"" help:"Bring numbers back that were suspended, drained or set aside."`
	Size    numbersSizeCmd    `cmd:"" help:"Say how many numbers a pool needs. Needs no database."`
}

// Help is what --help says besides.
func (numbersCmd) Help() string {
	return `The life of a safe number: free, active in an assignment, cooling down after it, and free again. These are for the people who rent the numbers and look after them:

  fairlead numbers size --rate 40/h --ttl 2h --cooldown 24h
  fairlead numbers import --pool seoul numbers.csv --dry-run
  fairlead numbers import --pool seoul numbers.csv
  fairlead numbers list --pool seoul --state cooling
  fairlead numbers drain 0507-1234-5678 --reason 'goes back to the carrier in May'`
}
