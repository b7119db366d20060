package explain

// AnyOp is the operation of rows for all.
const AnyOp = anyOp

// Explanations returns the operations of each row.
func Explanations() []Op {
	var ops []Op
	for _, e := range explanations {
		ops = append(ops, e.op)
	}
	return ops
}

// Explain returns the row that explains err, and its text.
func (a *Attempt) Explain(err error) (row int, text string) {
	a.err = err
	return a.explain()
}
