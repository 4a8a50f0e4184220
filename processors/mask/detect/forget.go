package detect

// Forget clears what is left of texts in the scratch memory. // P1
func (d *Detector) Forget() {
	for _, p := range []*[]byte{&d.fold.text, &d.plain} {
		clear((*p)[:cap(*p)])
	}
	clear(d.tld[:])
	d.p = nil
	if d.inner != nil {
		d.inner.Forget()
	}
}
