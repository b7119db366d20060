package skelgen

// subskeleton writes the part of a library in a bigger object.
func (g *generator) subskeleton() {
	g.header(g.imports("", "", "/skel")...)
	x := g.prefix
	g.out.f("\n// %s is %s as a part of a loaded object, which the caller still owns.\n", x,
		clean(g.opts.Source, 80))
	g.out.f("type %s struct {\n\t*bpf.Object\n", x)
	var list []row
	if len(g.maps) > 0 {
		list = append(list, row{cells: [3]string{"Maps", x + "Maps"}})
	}
	if len(g.programs) > 0 {
		list = append(list, row{cells: [3]string{"Programs", x + "Programs"}})
	}
	for _, s := range g.sections {
		list = append(list, row{cells: [3]string{s.field, s.ptrs}})
	}
	g.out.rows(list)
	g.out.f("}\n")

	g.out.f("\n// Bind%s finds it in an object. The error names what the object lacks, or has with\n", x)
	g.out.f("// another type.\n")
	g.out.f("func Bind%s(o *bpf.Object) (*%s, error) {\n", x, x)
	g.out.f("\tb := skel.Bind(%s, o)\n\tx := &%s{Object: o}\n", quote(g.opts.Name), x)
	for _, m := range g.maps {
		if m.bind == "" {
			g.out.f("\tb.Map(%s, &x.Maps.%s)\n", quote(m.m.Name), m.field)
			continue
		}
		g.out.f("\tif b.Has(%s) {\n\t\t%s(&b.Loaded, %s, &x.Maps.%s)\n\t}\n", quote(m.m.Name),
			m.bind,
			quote(m.m.Name), m.field)
	}
	for _, p := range g.programs {
		g.out.f("\tb.Program(%s, &x.Programs.%s)\n", quote(p.p.Name), p.field)
	}
	for _, s := range g.sections {
		for i, f := range s.n.fields {
			g.out.f("\tskel.VarOf(b, %s, &x.%s.%s)\n", quote(s.vars[i].Name), s.field, f.name)
		}
	}
	g.out.f("\tif err := b.Err(); err != nil {\n\t\treturn nil, err\n\t}\n\treturn x, nil\n}\n")
	g.subParts()
}

func (g *generator) subParts() {
	x := g.prefix
	var list []row
	for _, m := range g.maps {
		list = append(list, row{[3]string{m.field, m.typ}, m.comment})
	}
	if len(list) > 0 {
		g.block(x+"Maps", "are its maps", list)
	}
	list = nil
	for _, p := range g.programs {
		list = append(list, row{[3]string{p.field, "*bpf.Program"}, clean(p.p.Name, 60)})
	}
	if len(list) > 0 {
		g.block(x+"Programs", "are its programs", list)
	}
	for _, s := range g.sections {
		list = nil
		for _, f := range s.n.fields {
			list = append(list, row{[3]string{f.name, "*" + g.text(f.typ)}, f.comment})
		}
		g.block(s.ptrs, "are its variables in section "+clean(s.name, 60)+
			", nil if it is not mapped", list)
	}
}
